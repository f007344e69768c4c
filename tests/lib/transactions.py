"""Mail of orders, invoices, receipts, quotations and contracts as companies write it:
transactions.py DIR makes one file each, NAME.eml."""
import os
import sys
from email.message import EmailMessage
from email.utils import format_datetime
from datetime import datetime, timedelta, timezone

JST = timezone(timedelta(hours=9))
US = "keiri@fumikura.example"


def mail(where, name, subject, body, sender, day, to=US, charset="utf-8", files=(), html=None):
    m = EmailMessage()
    m["From"], m["To"], m["Subject"] = sender, to, subject
    m["Date"] = format_datetime(datetime.fromisoformat(day + "T10:00:00").replace(tzinfo=JST))
    m["Message-ID"] = f"<{name}@transactions.example>"
    m.set_content(body, charset=charset)
    if html:
        m.add_alternative(html, subtype="html")
    for file, text in files:
        m.add_attachment(text.encode(), maintype="application", subtype="octet-stream", filename=file)
    with open(os.path.join(where, name + ".eml"), "wb") as f:
        f.write(bytes(m))


def invoice(number, day, amount, company, extra=""):
    net = round(amount / 1.1)
    return (f"株式会社文蔵\n経理部 御中\n\nいつもお世話になっております。{company}の佐藤です。\n"
            f"下記のとおりご請求申し上げます。\n\n請求書番号：{number}\n発行日：{day}\n"
            f"小計 {net:,}円\n消費税（10%） {amount - net:,}円\nご請求金額　￥{amount:,}-（税込）\n"
            f"お支払期限：2024年6月30日\n振込先 みずほ銀行 普通 1234567\n{extra}\n"
            f"--\n{company}\n経理部 佐藤\n〒100-0001 東京都千代田区1-2-3\nTEL 03-1234-5678\n")


def main(where):
    os.makedirs(where, exist_ok=True)
    yamato = "株式会社大和商事"
    mail(where, "invoice", "4月分ご請求書送付の件", invoice("INV-2024-001", "令和6年4月1日", 1234567, yamato),
         "佐藤 <sato@yamato.example>", "2024-04-01", charset="iso-2022-jp")
    mail(where, "invoice-may", "5月分ご請求書", invoice("INV-2024-002", "R6.5.1", 880000, yamato),
         "佐藤 <sato@yamato.example>", "2024-05-01")
    mail(where, "order", "注文書 PO-2024-0017",
         "御 注 文 書\n\n注文番号 PO-2024-0017\n注文日 2024/4/15\n注文金額 金壱百万円也（税込）\n\n髙橋工業株式会社 購買部\n",
         "購買部 <po@takahashi.example>", "2024-04-15")
    mail(where, "receipt", "領収書の送付",
         "領　収　書\n株式会社文蔵 様\n領収日 2024年4月20日\n金額 33,000円（税込）\n領収書番号 R-55\n有限会社さくら書店\n",
         "さくら書店 <shop@sakura.example>", "2024-04-20")
    mail(where, "quotation", "御見積書", "見積日 2024.4.3\n御見積金額 1.2億円（税抜）\n見積No. Q-9\n合同会社グローブ\n",
         "sales@globe.example", "2024-04-03")
    mail(where, "contract", "業務委託契約書締結のお願い",
         "契約締結日：平成31年4月30日\n契約金額は金3,300,000円（税込）とする。\n委託者 株式会社文蔵\n受託者 丙運輸株式会社\n",
         "legal@hei.example", "2024-04-04")
    mail(where, "english", "Invoice INV-77",
         "Invoice date: April 3, 2024\nDue date: May 3, 2024\nSubtotal: $1,000.00\nTax: $234.56\nTotal Due: $1,234.56\n",
         "\"Acme Trading Co., Ltd.\" <billing@acme.example>", "2024-04-03")
    mail(where, "undated", "請求書在中", "請求書をお送りします。詳細は別途ご連絡します。\n丁商店株式会社\n",
         "tei@tei.example", "2024-04-05")
    mail(where, "formula", "=cmd|' /C calc'!A0 請求書", "請求書番号：\n-- \n株式会社=SUM\n請求日 2024-04-06\n請求金額 500円\n",
         "\"=1+1\" <x@formula.example>", "2024-04-06")
    mail(where, "lunch", "昼食", "今日は1,000円でした。電話は03-1234-5678です。\n", "tanaka@fumikura.example", "2024-04-07")
    mail(where, "traps", "版数の件", "Version 1.2.3 を 2024年問題 に合わせ、前年比120%で。\n令和6年2月30日\n",
         "suzuki@fumikura.example", "2024-04-08")


if __name__ == "__main__":
    main(sys.argv[1])
