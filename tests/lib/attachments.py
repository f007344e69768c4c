#!/usr/bin/env python3
"""attachments.py MAIL DIR - writes the attachments of a mail into DIR by their names, its text as DIR/text and its headers
as DIR/headers, with Python's own parser; exit 1 where the parser finds a defect or a header of RFC 5322 is missing."""
import email, email.policy, email.utils, os, sys

mail = email.message_from_bytes(open(sys.argv[1], "rb").read(), policy=email.policy.default)
os.makedirs(sys.argv[2], exist_ok=True)
for part in mail.walk():
    if part.defects:
        sys.exit(f"{part.get_content_type()}: {part.defects}")
    if part.get_content_disposition() == "attachment":
        with open(os.path.join(sys.argv[2], os.path.basename(part.get_filename())), "wb") as f:
            f.write(part.get_payload(decode=True))
for name in "Date", "Message-ID", "From", "To", "Subject", "MIME-Version":
    if len(mail.get_all(name, [])) != 1:
        sys.exit(f"{name} is not there once")
email.utils.parsedate_to_datetime(mail["Date"])
with open(sys.argv[2] + "/text", "w") as f:
    f.write(mail.get_body(("plain",)).get_content())
with open(sys.argv[2] + "/headers", "w") as f:
    f.write("".join(f"{k}: {v}\n" for k, v in mail.items()))
