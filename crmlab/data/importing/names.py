"""What other systems call the columns of the contracts, in several languages: by it a mapping is suggested.

In lower case, without blanks, signs and accents; English first, then German, French, Spanish, Chinese.
"""

from __future__ import annotations

import re
import unicodedata

ALSO = {
    "customer_id": """customer customerid customerno customernr customernumber customercode custid custno cust
        client clientid clientno account accountid accountno buyer buyerid soldto soldtoparty debtor userid
        memberid respondent respondentid participant caller callerid kunde kundenid kundennr kundennummer kdnr
        debitor debitorennr befragter numeroclient codeclient idclient cliente idcliente codigocliente 客户
        客户编号 客户号 会员号 受访者""",
    "date": """day invoicedate orderdate purchasedate transactiondate salesdate postingdate bookingdate datetime
        timestamp calledon calldate opened openedon created createdat received datum rechnungsdatum bestelldatum
        auftragsdatum buchungsdatum kaufdatum belegdatum datecommande datefacture dateachat fecha fechapedido
        fechafactura 日期 订单日期 购买日期 交易日期""",
    "amount": """total totalamount amountpaid paid revenue sales turnover value ordervalue invoiceamount
        netamount grossamount linetotal totalprice net gross betrag umsatz summe gesamtbetrag rechnungsbetrag
        nettobetrag bruttobetrag netto brutto montant montanttotal importe importetotal monto 金额 总金额 销售额
        实付金额""",
    "order_id": """order orderno ordernr ordernumber invoice invoiceno invoiceid invoicenumber salesorder
        document documentno receipt receiptno transactionid auftrag auftragsnr auftragsnummer bestellnummer
        bestellnr rechnungsnummer rechnungsnr belegnr belegnummer commande numerocommande facture pedido
        numeropedido factura 订单号 订单编号 发票号""",
    "product_id": """product productno productcode item itemid itemno itemcode sku stockcode article articleno
        material materialno artikel artikelnr artikelnummer materialnummer produkt produit codeproduit producto
        codigoproducto 产品 产品编号 商品编号 货号""",
    "quantity": "qty units pieces pcs menge anzahl stuck stuckzahl quantite qte cantidad unidades 数量 件数",
    "frequency": "repeatpurchases x",
    "recency": "tx",
    "T": "age tenure",
    "monetary_value": "monetary averagespend meanspend zbar",
    "renewals": "renewed renewalcount verlangerungen renouvellements renovaciones 续约次数",
    "left": "churned churn cancelled canceled gekundigt resilie baja 是否流失",
    "ordered_on": "ordered orderdate orderedat bestelldatum auftragsdatum datecommande fechapedido 订单日期 下单日期",
    "promised_on": """promised promiseddate promisedat duedate requesteddate confirmeddate liefertermin
        wunschtermin datepromise fechaprometida 承诺日期""",
    "delivered_on": """delivered deliverydate delivereddate deliveredat actualdelivery lieferdatum geliefert
        datelivraison fechaentrega 实际交货日期 送达日期""",
    "urgent": "rush express eilig dringend urgente 加急",
    "right_item": "rightproduct itemcorrect correctitem",
    "in_full": "infull deliveredinfull complete vollstandig complet completo 是否齐全",
    "undamaged": "damagefree rightcondition unbeschadigt intact 完好",
    "right_place": "placecorrect correctplace rightdestination",
    "right_customer": "customercorrect correctcustomer",
    "right_invoice": "invoicecorrect correctinvoice rightcost",
    "right_documents": "documentscorrect correctdocuments documentsok",
    "region": "area territory gebiet 地区",
    "depot": "warehouse dc distributioncentre plant lager werk entrepot almacen 仓库",
    "category": """type kind group class topic reason subject kategorie art gruppe grund categorie categoria
        motif motivo 类别 类型 分类""",
    "margin_grade": "grade margingrade profitgrade profitmargingrade 利润率等级",
    "importance": "important criticality wichtigkeit importancia 重要度 重要性",
    "price": """unitprice listprice salesprice priceperunit preis stuckpreis einzelpreis listenpreis
        verkaufspreis vk vkpreis prix prixunitaire precio preciounitario 单价 价格""",
    "unit_cost": """cost costprice purchaseprice cogs ek ekpreis einkaufspreis selbstkosten cout prixdachat costo coste
        成本 单位成本""",
    "units": """quantity qty demand volume drivervolume pieces menge anzahl bedarf quantite cantidad demanda
        数量 需求量""",
    "lost_if_delayed": "lostsale lostsaleprobability",
    "month": "period date monat periode mois mes 月份 月",
    "activity": """activityid activityname task process costpool aktivitat tatigkeit prozess activite actividad
        作业 活动""",
    "minutes": "min duration minuten dauer duree minutos 分钟",
    "cost": "costs totalcost amount kosten cout costo coste 成本 费用",
    "wave": "round survey surveywave welle vague ola 轮次",
    "element_id": """element serviceelement item attribute question statement criterion merkmal frage kriterium
        critere pregunta 服务要素 项目""",
    "performance": "satisfaction score leistung zufriedenheit desempeno satisfaccion 绩效 满意度",
    "item_id": "item bundle bundleid option alternative attribute element elementid objekt 项目",
    "rank": "ranking place position rang platz puesto 名次 排名",
    "call_id": """call callno ticket ticketid ticketno case caseid incident anruf vorgang appel llamada 通话编号
        工单号""",
    "minute": "time calltime timeofday uhrzeit zeit heure hora 时间",
    "slot": "interval halfhour timeslot intervall 时段",
    "agent_id": "agent agentname operator mitarbeiter agente 坐席 客服",
    "wait_seconds": "wait waittime waitseconds queuetime wartezeit attente espera 等待时间",
    "service_seconds": "handlingtime talktime duration gesprachsdauer dauer duree duracion 通话时长",
    "resolution_minutes": "resolutiontime timetoresolve losungszeit 解决时长",
    "abandoned": "gaveup aufgelegt abandonne abandonada 放弃",
    "resolved": "solved settled fcr gelost resolu resuelto 已解决",
    "after_self_service": "afterselfservice triedonline",
}
# How a row begins that adds up others.
TOTALS = (
    *("total", "totals", "grand total", "subtotal", "sub-total", "sum", "summe", "gesamt", "gesamtsumme", "endsumme"),
    *(
        "zwischensumme",
        "total général",
        "totaux",
        "sous-total",
        "total general",
        "suma",
        "合计",
        "总计",
        "小计",
        "共计",
    ),
)
# Words for nobody, where an id is asked for: in lower case. NA is not among them: it may be somebody's.
NOBODY = (
    *("-", "--", "–", "—", ".", "?", "??", "n/a", "n.a.", "k.a.", "unknown", "unbekannt", "inconnu", "desconocido"),
    *("anonymous", "anonym", "anonyme", "anónimo", "未知", "匿名"),
)
# Columns that no contract takes and that matter: more than one currency, orders that were not to be paid.
CURRENCIES = "currency currencycode curr wahrung waehrung devise moneda divisa valuta 币种 货币"
STATES = "status state orderstatus financialstatus paymentstatus invoicestatus zustand statut etat estado 状态"
VOID = (
    *("cancel", "refund", "void", "return", "chargeback", "storn", "erstattet", "gutschrift", "annul", "rembours"),
    *("anulad", "cancelad", "reembols", "devuelt", "取消", "退款", "作废"),
)


def plain(name: str) -> str:
    """A name without accents, blanks, signs and capitals: "Kunden-Nr." -> "kundennr"."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return re.sub(r"[\W_]", "", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def core(name: str) -> str:
    """A plain name without what it is measured in, and whether with tax: "Montant HT (EUR)" -> "montant"."""
    words = re.sub(r"\([^()]*\)|\[[^]]*\]", " ", name)
    return plain(re.sub(r"(?i)\b(?:h\.?t|t\.?t\.?c|net|netto|gross|brutto)\b\.?|[€$£¥]", " ", words)) or plain(name)
