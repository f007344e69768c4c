-- milter.lua - for miltertest: how the milter answers a mail server, step by step.
--   -D port=N       where it listens
local function check(what, ok) -- miltertest does not print what an error says
    if not ok then mt.echo(what); error(what) end
end
local function nil_or(what, problem) check(what .. ": " .. tostring(problem), problem == nil) end

conn = mt.connect("inet:" .. port .. "@127.0.0.1")
check("cannot connect", conn ~= nil)
nil_or("negotiate", mt.negotiate(conn, nil, nil, nil))
check("header bytes may be altered", mt.test_option(conn, SMFIP_HDR_LEADSPC))
check("it wants recipients that were refused", not mt.test_option(conn, SMFIP_RCPT_REJ))
check("it may change a message", not mt.test_action(conn, SMFIF_ADDHDRS) and not mt.test_action(conn, SMFIF_CHGBODY))
mt.macro(conn, SMFIC_CONNECT, "j", "mx.example.jp", "{daemon_name}", "submission")
nil_or("conninfo", mt.conninfo(conn, "client.example.net", "203.0.113.5"))
mt.macro(conn, SMFIC_HELO, "{tls_version}", "TLSv1.3", "{cipher}", "TLS_AES_256_GCM_SHA384", "{cipher_bits}", "256",
    "{cert_subject}", "CN=client", "{cert_issuer}", "CN=ca")
nil_or("helo", mt.helo(conn, "client.example.net"))

-- Given up: nothing of it may stand in the next one.
nil_or("mail", mt.mailfrom(conn, "<gone@example.jp>"))
nil_or("rcpt", mt.rcptto(conn, "<gone@example.jp>"))
nil_or("header", mt.header(conn, "Subject", " gone"))
nil_or("abort", mt.abort(conn))

mt.macro(conn, SMFIC_MAIL, "{auth_authen}", "tanaka", "{auth_type}", "PLAIN", "i", "4bXYZ1")
nil_or("mail", mt.mailfrom(conn, "<>", "SIZE=100"))
check("MAIL is not taken", mt.getreply(conn) == SMFIR_CONTINUE)
mt.macro(conn, SMFIC_RCPT, "{rcpt_mailer}", "smtp", "{rcpt_host}", "example.jp", "{rcpt_addr}", "a@example.jp")
nil_or("rcpt", mt.rcptto(conn, "<a@example.jp>", "NOTIFY=NEVER"))
mt.macro(conn, SMFIC_RCPT, "{rcpt_mailer}", "error", "{rcpt_host}", "5.1.1", "{rcpt_addr}", "no such user")
nil_or("rcpt", mt.rcptto(conn, "<refused@example.jp>"))
mt.macro(conn, SMFIC_RCPT, "{rcpt_mailer}", "error", "{rcpt_host}", "5.1.2 moved", "{rcpt_addr}", "b@example.jp")
nil_or("rcpt", mt.rcptto(conn, "<routed-to-error@example.jp>"))
mt.macro(conn, SMFIC_RCPT, "{rcpt_mailer}", "local")
nil_or("rcpt", mt.rcptto(conn, '<"odd > one"@example.jp>'))
nil_or("header", mt.header(conn, "Subject", "no space"))
nil_or("header", mt.header(conn, "X-Folded", "  two spaces,\n\tfolded,\n by LF"))
nil_or("header", mt.header(conn, "X-Empty", ""))
nil_or("eoh", mt.eoh(conn))
nil_or("body", mt.bodystring(conn, "first line\r\n.dot\r\n\r\nbare\n"))
nil_or("body", mt.bodystring(conn, "the end, without a line end"))
nil_or("eom", mt.eom(conn))
check("it is not taken: " .. string.char(mt.getreply(conn)), mt.getreply(conn) == SMFIR_CONTINUE)
check("it changed something", not mt.eom_check(conn, MT_HDRADD) and not mt.eom_check(conn, MT_HDRINSERT) and not mt.eom_check(conn, MT_BODYCHANGE))
mt.disconnect(conn)
