#!/usr/bin/env python3
"""many.py FROM TO - an mbox on standard output of the messages FROM to TO-1 of an endless row of small business mails, Japanese
(60 in 100) and English; each by its own number, so that the row can be made in steps and from any place. The same bytes each time.

Words come by Zipf's law out of 20,000 of each language, made of syllables and characters of uneven frequency; threads share a subject.
Known frequencies: message i has in its body the word `probeN` and the Japanese word of PROBES where N divides i. Senders are 200,
recipients 500, at corp.example; dates go over 36 months from 2024-01 on, month by month as i grows within its thousand.

As a module: vocabulary() and message(i, vocabulary) for those that ask about this mail.
"""
import base64
import itertools
import random
import sys

PROBES = {10: "稟議", 100: "検収", 1000: "贈賄", 10000: "談合"}
USERS, OTHERS, MONTHS = 200, 500, 36
SYLLABLES = [a + b for a in "k s t n h m r g b d p f l v".split() for b in "a i u e o an er in on al".split()]
HEAD = "会社部長契約資料請求見積納品検査開発設計営業企画総務経理人事技術製造販売輸入輸出管理計画報告会議連絡予定変更確認承認申請期限費用金額支払受注発注在庫品質安全環境情報通信電子機械建設工事"
TAIL = "書件用的化性者所員室課班局店場法案表票証状型式版号機器材料費税率点線面量力度数値線網盤板管軸車輪船舶港湾空路道橋駅"
KATA = "アイウエオカキクケコサシスセソタチツテトナニノハヒフヘホマミムメモラリルレロンー"
GLUE = ["の", "を", "に", "が", "は", "で", "と", "から", "まで", "について", "および"]
ENDS = ["いたします。", "をお願いします。", "しました。", "の予定です。", "となります。\n", "してください。\n", "でした。"]
OPEN = ["お世話になっております。\n", "お疲れ様です。\n", "いつもありがとうございます。\n"]


def zipf(n):
    return list(itertools.accumulate(1 / (i + 2.7) ** 1.03 for i in range(n)))


class Vocabulary:
    def __init__(self, n=20000):
        r = random.Random(20)
        english, japanese = {}, {}
        while len(english) < n:
            english[r.choice(["", "", "", "", "", "", "a"]) + "".join(r.choices(SYLLABLES, k=r.choice((1, 2, 2, 3))))] = None
        while len(japanese) < n:
            if r.random() < 0.3:
                japanese["".join(r.choices(KATA[:-1], k=1) + r.choices(KATA, k=r.choice((2, 3, 4, 5))))] = None
            else:
                japanese["".join(r.choices(HEAD, k=r.choice((2, 2, 2, 3))) + (r.choices(TAIL) if r.random() < 0.4 else []))] = None
        self.english, self.japanese, self.weights = list(english), list(japanese), zipf(n)


def vocabulary():
    return Vocabulary()


def month_of(i):
    return i % 1000 * MONTHS // 1000


def message(i, v):
    """(sender, month as "2024-01", whether it is Japanese, subject, body)"""
    r = random.Random(i * 2654435761 + 7)
    japanese = r.random() < 0.6
    n = r.choice((15, 20, 30, 40, 60, 90))
    words = r.choices(v.japanese if japanese else v.english, cum_weights=v.weights, k=n)
    topic = random.Random(i // 5 * 5).choices(v.japanese if japanese else v.english, cum_weights=v.weights, k=2)
    if japanese:
        subject = topic[0] + "の" + topic[1] + "の件"
        out = [r.choice(OPEN)]
        for k in range(0, n, 3):
            a, b, c = (words[k:k + 3] + ["対応", "対応"])[:3]
            out.append(a + GLUE[(k + i) % len(GLUE)] + b + GLUE[(k + n) % len(GLUE)] + c + ENDS[(i + k) % len(ENDS)])
        body = "".join(out)
        body = "\n".join(line[at:at + 36] for line in body.split("\n") for at in range(0, max(len(line), 1), 36))
    else:
        subject = topic[0] + " " + topic[1]
        body = "\n".join(" ".join(words[k:k + 11]) + "." for k in range(0, n, 11))
    for every, word in PROBES.items():
        if i % every == 0:
            body += f"\n{word} probe{every}"
    m = month_of(i)
    return f"user{r.randrange(USERS)}@corp.example", f"{2024 + m // 12}-{m % 12 + 1:02d}", japanese, subject, body, f"to{r.randrange(OTHERS)}@corp.example"


NAMES = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def as_bytes(i, v):
    sender, month, japanese, subject, body, to = message(i, v)
    date = f"{i // 30 % 28 + 1} {NAMES[int(month[5:]) - 1]} {month[:4]} {i % 24:02d}:{i % 60:02d}:00 +0900"
    if japanese:
        subject = "=?UTF-8?B?" + base64.b64encode(subject.encode()).decode() + "?="
        if i % 3 == 0:
            kind, encoded = "iso-2022-jp\nContent-Transfer-Encoding: 7bit", body.encode("iso2022_jp", "replace")
        else:
            kind, encoded = "utf-8\nContent-Transfer-Encoding: 8bit", body.encode()
    else:
        kind, encoded = "us-ascii", body.encode()
    head = f"From: {sender}\nTo: {to}\nDate: {date}\nSubject: {subject}\nMessage-ID: <{i}@many.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset={kind}\n\n"
    return head.encode() + encoded + b"\n"


def main():
    v, out = vocabulary(), sys.stdout.buffer
    for i in range(int(sys.argv[1]), int(sys.argv[2])):
        out.write(b"From a@b Sat Jan  3 01:05:34 1996\n" + as_bytes(i, v) + b"\n")


if __name__ == "__main__":
    main()
