#!/usr/bin/env python3
"""attach.py OUT FILE... - a mail for each file, which it brings without a type and under its own name: OUT/NAME.eml."""
import os, sys
from email.message import EmailMessage

os.makedirs(sys.argv[1], exist_ok=True)
for path in sys.argv[2:]:
    name = os.path.basename(path)
    mail = EmailMessage()
    mail["Subject"] = "file " + name
    mail["From"] = "tanaka@example.jp"
    mail["To"] = "sato@example.jp"
    mail["Date"] = "Mon, 1 Jun 2026 10:00:00 +0900"
    mail["Message-ID"] = f"<{os.urandom(8).hex()}@example.jp>"
    mail.set_content("see the file\n")
    mail.add_attachment(open(path, "rb").read(), maintype="application", subtype="octet-stream", filename=name)
    with open(f"{sys.argv[1]}/{name}.eml", "wb") as f:
        f.write(mail.as_bytes())
