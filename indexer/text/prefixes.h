/*
 * prefixes.h - what terms there are: the table of prefixes and value slots, and what each says.
 *
 * Terms: a prefix from the table below, then the token of terms.h. Everything is posted once, under
 * the field it stands in; a bare word is looked for in all of FK_BARE, joined by OR, a bare phrase
 * as the OR of that phrase in each of them. (Postings are what indexing costs, about 2
 * microseconds each; an OR of posting lists that are mostly absent costs a query next to nothing.)
 * A term says only that it is somewhere; the field's row (terms.h) stands in the text store beside
 * the database (texts_priv.h), and a phrase is looked for there. Parts of a body, addresses, file
 * names and the headers of nested messages are a gap apart, so that no phrase crosses them.
 * Tokens never begin with A-Z, so no prefix can be taken for a token.
 */
#ifndef FK_INDEXER_PREFIXES_H
#define FK_INDEXER_PREFIXES_H
#ifdef __cplusplus
extern "C" {
#endif

/* Prefixes, version FK_TERMS_VERSION. Tokens, with a row each in the text store: */
#define FK_P_BODY ""        /* tokens of the text parts, and of all of nested messages */
#define FK_P_SUBJECT "S"    /* tokens of Subject */
#define FK_P_FROM "F"       /* tokens of From and Sender: names, and addresses in parts */
#define FK_P_TO "T"         /* tokens of To */
#define FK_P_CC "C"         /* tokens of Cc */
#define FK_P_BCC "N"        /* tokens of Bcc */
#define FK_P_FILE "A"       /* tokens of attachments' names; of files in archives, their paths */
#define FK_P_ATTACHMENT "G" /* tokens of what stands in attachments; each file apart */
#define FK_P_WRAPPER                                                                               \
    "W" /* tokens of what stands around a journaled message: report, headers, ... */
/* tokens of addresses that are known from envelopes and reports: */
#define FK_P_ENV_FROM "E" /* who sent it: MAIL FROM; a report's Sender and On-Behalf-Of */
#define FK_P_ENV_TO "R"   /* who had it: RCPT TO, carried addresses, a report's recipients */
#define FK_P_BLIND "D"    /* of those: Bcc by a report, or in no header */
#define FK_P_VIA "V"      /* lists and mailboxes that it was expanded or forwarded from */
#define FK_P_LINK "U"     /* tokens of link targets, in HTML and in text, of nested messages too */
/* A token before it is with FK_VARIED: the token's characters stand in the field as variants of
 * them alone (variants.h). What was written then is a token too: 髙橋 is posted as 高橋, 髙橋 and
 * ~高橋. */
#define FK_VARIED "~"
/* Whole, in no row; addresses as fk_terms_of_address has them: */
#define FK_P_PERSON "XP"    /* address, any role, header or envelope */
#define FK_P_FROM_ADDR "XF" /* address in From, Sender or the envelope's MAIL FROM */
#define FK_P_TO_ADDR "XT"   /* address in To, Cc, Bcc or a recipient of the envelope */
#define FK_P_DOMAIN "XD"    /* domain of any such address */
#define FK_P_CC_ADDR "XC"   /* address in Cc, header or report */
#define FK_P_BCC_ADDR                                                                              \
    "XB" /* address in Bcc, header or report, or in the envelope and no header                     \
          */
#define FK_P_ENVFROM_ADDR "XE"
#define FK_P_ENVTO_ADDR "XO"
#define FK_P_VIA_ADDR "XL"
#define FK_P_MSGID                                                                                 \
    "XM" /* Message-ID without <>, not folded; nested messages', reports', and that a notice is    \
            about */
#define FK_P_OWN_MSGID "XI" /* the message's own: others that have it are its versions */
#define FK_P_KEY "XH"       /* the message's bytes: SHA-256, hex */
#define FK_P_CAPTURE "XQ"   /* seq of each capture, decimal */
#define FK_P_QUEUE "XU"     /* its queue id, where the mail server in front told one (milter) */
#define FK_P_DIGEST "XS"    /* SHA-256, hex, of an attachment's bytes, and of files in archives */
#define FK_P_OWN "XV"       /* what this archive found of where it is from: dkim=pass (auth.md) */
#define FK_P_BORDER "XW"    /* the same by the mail server in front; spam=yes, virus=no */
#define FK_P_DELIVERY "XJ"  /* what a mail server's log says became of it (delivery_term.h) */
#define FK_P_NOTICE "XN"    /* of a notice (DSN, MDN): what it says became of another message */
#define FK_P_ABOUT "XA"     /* the Message-ID of that one, as FK_P_MSGID */
/* Of a transaction (transaction_record.h): */
#define FK_P_TXN "YA"          /* what it is: a kind; "any", "corrected" */
#define FK_P_TXN_PARTY "YB"    /* who it is with, whole, as fk_company_normal has it */
#define FK_P_TXN_PARTY_IN "YC" /* tokens of that */
#define FK_P_TXN_NUMBER "YD"   /* number of the document, as fk_txn_number_normal has it */
#define FK_P_TXN_CURRENCY "YE" /* of the amount: JPY, USD */
/* Amounts and days beside those of the slots, which are one each: the first 1, 2 ... digits of
 * their rank, so that a range is few terms. */
#define FK_P_TXN_AMOUNT "YF"
#define FK_P_TXN_DATE "YG"
#define FK_P_LINK_HOST "XG" /* the host of a link target, and each domain that it is below */
#define FK_P_CLIENT "XR"    /* who delivered a capture: 32 hex digits, IPv4 as ::ffff:a.b.c.d */
#define FK_P_OF_DOMAIN "XY" /* domain of From, Sender or MAIL FROM, and each that it is below */
#define FK_P_TO_DOMAIN "XZ" /* the same of To, Cc, Bcc and recipients of envelope and report */
/* "attachment", "nested", "journal", "partial", "partial:REASON"; "captures:N": bit N of the number
 * of captures less one, so that over any hits their sum is a few counts; "in:FIELD" where the field
 * of that name has anything; "ext:pdf" for an attachment's name that ends so */
#define FK_P_FLAG "XK"

/* Conversations and likeness (conversation_priv.h, conversation_terms_priv.h, sketch.h): */
#define FK_P_REFERENCE "YR"   /* a Message-ID in References or In-Reply-To, as FK_P_OWN_MSGID */
#define FK_P_TOPIC "YT"       /* the subject without Re:, 転送: and the like, folded */
#define FK_P_TOPIC_REPLY "YS" /* the same, where nothing but the subject says that it answers */
#define FK_P_BAND "YU"        /* one of FK_BANDS pieces of the sketch, which what is alike shares */

/* Of a whole value, as many bytes; blanks and control characters are left out. */
enum { FK_WHOLE_MAX = 238 };

/* Where a bare word is looked for. */
#define FK_BARE                                                                                    \
    {                                                                                              \
        FK_P_BODY, FK_P_SUBJECT, FK_P_FILE, FK_P_ATTACHMENT, FK_P_FROM, FK_P_TO, FK_P_CC,          \
            FK_P_BCC, FK_P_WRAPPER, FK_P_ENV_FROM, FK_P_ENV_TO, FK_P_VIA                           \
    }
enum { FK_FIELD_GAP = 100 };

enum fk_slot {
    FK_SLOT_RECEIVED = 0,   /* 8 bytes, milliseconds, big-endian; of imports the derived date; of
                             * several captures the first */
    FK_SLOT_DATE = 1,       /* the Date header, same form; absent when there is none from 1970 on */
    FK_SLOT_SIZE = 2,       /* bytes of the message, 8 bytes */
    FK_SLOT_LATEST = 3,     /* as RECEIVED, of the capture that was received last */
    FK_SLOT_TO_DOMAINS = 4, /* the recipients' domains, each with LF behind it; "*" for more of them
                             * than FK_TO_DOMAINS_MAX bytes */
    FK_SLOT_TXN_DATE = 8,   /* of a transaction: 20240401, 8 bytes, big-endian; absent where none */
    FK_SLOT_TXN_AMOUNT = 9, /* its amount's rank (fk_txn_amount_rank), same form */
    /* The conversation's root as the message itself names it: the first of References, else of
     * In-Reply-To, else its own Message-ID; SHA-256 of that, the first FK_CONVERSATION_BYTES.
     * Absent where there is none of these. */
    FK_SLOT_CONVERSATION = 12,
    FK_SLOT_SKETCH = 13 /* of the text (sketch.h); absent where there is none */
};
enum { FK_TO_DOMAINS_MAX = 4096, FK_CONVERSATION_BYTES = 8 };

#ifdef __cplusplus
}
#endif
#endif
