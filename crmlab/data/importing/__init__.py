"""The import: a CSV, Excel or Parquet file of one's own, made into a table that keeps a contract."""

from crmlab.data.importing.door import Imported, import_table
from crmlab.data.importing.source import ImportRefusal

__all__ = ["ImportRefusal", "Imported", "import_table"]
