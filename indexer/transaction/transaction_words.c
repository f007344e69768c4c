/* transaction_words.c - the words by which a transaction is known: what a message is, and which
 * figure, day or number is meant. docs/transactions.md has the rule. */
#include "indexer/transaction/lexicon_priv.h"
#include "indexer/transaction/transaction_find_priv.h"

/* ---- labels. Under 50: a figure of its own, but not what the transaction is about. */

static const struct fk_txn_label labels[] = {
    {"ご請求金額", FK_TXN_AMOUNT, 95},
    {"御請求金額", FK_TXN_AMOUNT, 95},
    {"請求金額", FK_TXN_AMOUNT, 95},
    {"ご請求額", FK_TXN_AMOUNT, 95},
    {"請求額", FK_TXN_AMOUNT, 93},
    {"請求合計", FK_TXN_AMOUNT, 95},
    {"請求総額", FK_TXN_AMOUNT, 95},
    {"合計金額", FK_TXN_AMOUNT, 94},
    {"合計額", FK_TXN_AMOUNT, 92},
    {"合計請求額", FK_TXN_AMOUNT, 95},
    {"総合計", FK_TXN_AMOUNT, 94},
    {"総額", FK_TXN_AMOUNT, 90},
    {"税込合計", FK_TXN_AMOUNT, 95},
    {"税込金額", FK_TXN_AMOUNT, 92},
    {"税抜合計", FK_TXN_AMOUNT, 78},
    {"税抜金額", FK_TXN_AMOUNT, 75},
    {"合計", FK_TXN_AMOUNT, 88},
    {"お支払金額", FK_TXN_AMOUNT, 94},
    {"お支払い金額", FK_TXN_AMOUNT, 94},
    {"支払金額", FK_TXN_AMOUNT, 93},
    {"支払額", FK_TXN_AMOUNT, 90},
    {"お支払い合計", FK_TXN_AMOUNT, 94},
    {"お支払い総額", FK_TXN_AMOUNT, 94},
    {"領収金額", FK_TXN_AMOUNT, 95},
    {"領収額", FK_TXN_AMOUNT, 93},
    {"決済金額", FK_TXN_AMOUNT, 93},
    {"ご利用金額", FK_TXN_AMOUNT, 90},
    {"注文金額", FK_TXN_AMOUNT, 93},
    {"ご注文金額", FK_TXN_AMOUNT, 93},
    {"注文合計", FK_TXN_AMOUNT, 94},
    {"発注金額", FK_TXN_AMOUNT, 94},
    {"見積金額", FK_TXN_AMOUNT, 94},
    {"御見積金額", FK_TXN_AMOUNT, 95},
    {"お見積金額", FK_TXN_AMOUNT, 95},
    {"お見積り金額", FK_TXN_AMOUNT, 95},
    {"見積合計", FK_TXN_AMOUNT, 94},
    {"契約金額", FK_TXN_AMOUNT, 95},
    {"請負金額", FK_TXN_AMOUNT, 94},
    {"請負代金", FK_TXN_AMOUNT, 90},
    {"取引金額", FK_TXN_AMOUNT, 96},
    {"納品金額", FK_TXN_AMOUNT, 92},
    {"検収金額", FK_TXN_AMOUNT, 93},
    {"振込金額", FK_TXN_AMOUNT, 90},
    {"代金", FK_TXN_AMOUNT, 75},
    {"金額", FK_TXN_AMOUNT, 80},
    {"契約代金", FK_TXN_AMOUNT, 92},
    {"業務委託料", FK_TXN_AMOUNT, 80},
    {"total amount due", FK_TXN_AMOUNT, 95},
    {"total amount", FK_TXN_AMOUNT, 94},
    {"amount due", FK_TXN_AMOUNT, 94},
    {"total due", FK_TXN_AMOUNT, 95},
    {"balance due", FK_TXN_AMOUNT, 92},
    {"grand total", FK_TXN_AMOUNT, 95},
    {"invoice total", FK_TXN_AMOUNT, 95},
    {"order total", FK_TXN_AMOUNT, 95},
    {"amount payable", FK_TXN_AMOUNT, 94},
    {"amount paid", FK_TXN_AMOUNT, 92},
    {"total paid", FK_TXN_AMOUNT, 93},
    {"total", FK_TXN_AMOUNT, 85},
    {"amount", FK_TXN_AMOUNT, 78},
    {"contract price", FK_TXN_AMOUNT, 92},
    {"小計", FK_TXN_AMOUNT, 45},
    {"subtotal", FK_TXN_AMOUNT, 45},
    {"sub total", FK_TXN_AMOUNT, 45},
    {"sub-total", FK_TXN_AMOUNT, 45},
    {"消費税額", FK_TXN_AMOUNT, 10},
    {"消費税", FK_TXN_AMOUNT, 10},
    {"うち消費税", FK_TXN_AMOUNT, 10},
    {"税額", FK_TXN_AMOUNT, 10},
    {"内消費税", FK_TXN_AMOUNT, 10},
    {"tax", FK_TXN_AMOUNT, 10},
    {"vat", FK_TXN_AMOUNT, 10},
    {"単価", FK_TXN_AMOUNT, 8},
    {"unit price", FK_TXN_AMOUNT, 8},
    {"残高", FK_TXN_AMOUNT, 8},
    {"前回請求額", FK_TXN_AMOUNT, 8},
    {"前回御請求額", FK_TXN_AMOUNT, 8},
    {"繰越金額", FK_TXN_AMOUNT, 8},
    {"ご入金額", FK_TXN_AMOUNT, 20},
    {"入金額", FK_TXN_AMOUNT, 20},
    {"送料", FK_TXN_AMOUNT, 10},
    {"shipping", FK_TXN_AMOUNT, 10},
    {"手数料", FK_TXN_AMOUNT, 10},
    {"値引", FK_TXN_AMOUNT, 10},
    {"値引き", FK_TXN_AMOUNT, 10},
    {"割引", FK_TXN_AMOUNT, 10},
    {"discount", FK_TXN_AMOUNT, 10},
    {"源泉徴収税額", FK_TXN_AMOUNT, 8},
    {"源泉徴収額", FK_TXN_AMOUNT, 8},
    {"資本金", FK_TXN_AMOUNT, 2},
    {"手付金", FK_TXN_AMOUNT, 30},
    {"違約金", FK_TXN_AMOUNT, 5},
    {"税率", FK_TXN_AMOUNT, 2},
    {"対象額", FK_TXN_AMOUNT, 20},
    {"対象計", FK_TXN_AMOUNT, 20},
    {"対象", FK_TXN_AMOUNT, 20},
    {"ポイント", FK_TXN_AMOUNT, 2},
    {"定価", FK_TXN_AMOUNT, 8},
    {"balance", FK_TXN_AMOUNT, 8},

    {"取引年月日", FK_TXN_DATE, 98},
    {"取引日", FK_TXN_DATE, 97},
    {"請求年月日", FK_TXN_DATE, 95},
    {"請求日", FK_TXN_DATE, 95},
    {"発行年月日", FK_TXN_DATE, 95},
    {"発行日", FK_TXN_DATE, 95},
    {"請求書発行日", FK_TXN_DATE, 96},
    {"注文年月日", FK_TXN_DATE, 95},
    {"注文日", FK_TXN_DATE, 95},
    {"ご注文日", FK_TXN_DATE, 95},
    {"ご注文日時", FK_TXN_DATE, 95},
    {"注文日時", FK_TXN_DATE, 95},
    {"発注日", FK_TXN_DATE, 95},
    {"発注年月日", FK_TXN_DATE, 95},
    {"領収日", FK_TXN_DATE, 95},
    {"領収年月日", FK_TXN_DATE, 95},
    {"見積日", FK_TXN_DATE, 95},
    {"御見積日", FK_TXN_DATE, 95},
    {"見積年月日", FK_TXN_DATE, 95},
    {"契約日", FK_TXN_DATE, 95},
    {"契約年月日", FK_TXN_DATE, 95},
    {"契約締結日", FK_TXN_DATE, 96},
    {"締結日", FK_TXN_DATE, 95},
    {"納品日", FK_TXN_DATE, 92},
    {"納品年月日", FK_TXN_DATE, 93},
    {"検収日", FK_TXN_DATE, 92},
    {"決済日", FK_TXN_DATE, 88},
    {"決済日時", FK_TXN_DATE, 88},
    {"作成日", FK_TXN_DATE, 85},
    {"日付", FK_TXN_DATE, 85},
    {"利用日", FK_TXN_DATE, 85},
    {"ご利用日", FK_TXN_DATE, 85},
    {"invoice date", FK_TXN_DATE, 95},
    {"date of issue", FK_TXN_DATE, 95},
    {"issue date", FK_TXN_DATE, 95},
    {"issued on", FK_TXN_DATE, 93},
    {"date issued", FK_TXN_DATE, 95},
    {"order date", FK_TXN_DATE, 95},
    {"po date", FK_TXN_DATE, 95},
    {"receipt date", FK_TXN_DATE, 95},
    {"date paid", FK_TXN_DATE, 92},
    {"quotation date", FK_TXN_DATE, 95},
    {"effective date", FK_TXN_DATE, 85},
    {"billing date", FK_TXN_DATE, 92},
    {"dated", FK_TXN_DATE, 80},
    {"date", FK_TXN_DATE, 80},
    {"支払期限", FK_TXN_DATE, 15},
    {"お支払期限", FK_TXN_DATE, 15},
    {"お支払い期限", FK_TXN_DATE, 15},
    {"支払期日", FK_TXN_DATE, 15},
    {"お支払期日", FK_TXN_DATE, 15},
    {"支払日", FK_TXN_DATE, 20},
    {"振込期限", FK_TXN_DATE, 15},
    {"振込期日", FK_TXN_DATE, 15},
    {"有効期限", FK_TXN_DATE, 10},
    {"見積有効期限", FK_TXN_DATE, 10},
    {"納期", FK_TXN_DATE, 15},
    {"希望納期", FK_TXN_DATE, 15},
    {"納入期限", FK_TXN_DATE, 15},
    {"期限", FK_TXN_DATE, 15},
    {"締切", FK_TXN_DATE, 10},
    {"引落日", FK_TXN_DATE, 15},
    {"口座振替日", FK_TXN_DATE, 15},
    {"due date", FK_TXN_DATE, 15},
    {"payment due", FK_TXN_DATE, 15},
    {"date due", FK_TXN_DATE, 15},
    {"due", FK_TXN_DATE, 15},
    {"due by", FK_TXN_DATE, 15},
    {"valid until", FK_TXN_DATE, 10},
    {"expiry date", FK_TXN_DATE, 10},
    {"expires", FK_TXN_DATE, 10},
    {"delivery date", FK_TXN_DATE, 30},
    {"ship date", FK_TXN_DATE, 30},
    {"生年月日", FK_TXN_DATE, 0},
    {"送信日時", FK_TXN_DATE, 35},
    {"sent", FK_TXN_DATE, 35},
    {"対象期間", FK_TXN_DATE, 25},
    {"契約期間", FK_TXN_DATE, 25},
    {"利用期間", FK_TXN_DATE, 25},
    {"年月日", FK_TXN_DATE, 75},

    {"請求書番号", FK_TXN_NUMBER, 97},
    {"請求番号", FK_TXN_NUMBER, 96},
    {"請求書no", FK_TXN_NUMBER, 96},
    {"請求no", FK_TXN_NUMBER, 95},
    {"注文書番号", FK_TXN_NUMBER, 96},
    {"注文番号", FK_TXN_NUMBER, 95},
    {"注文no", FK_TXN_NUMBER, 94},
    {"発注番号", FK_TXN_NUMBER, 95},
    {"発注書番号", FK_TXN_NUMBER, 96},
    {"発注no", FK_TXN_NUMBER, 94},
    {"受注番号", FK_TXN_NUMBER, 85},
    {"オーダー番号", FK_TXN_NUMBER, 90},
    {"見積番号", FK_TXN_NUMBER, 95},
    {"見積書番号", FK_TXN_NUMBER, 96},
    {"見積no", FK_TXN_NUMBER, 94},
    {"領収書番号", FK_TXN_NUMBER, 96},
    {"領収番号", FK_TXN_NUMBER, 95},
    {"納品書番号", FK_TXN_NUMBER, 95},
    {"契約番号", FK_TXN_NUMBER, 95},
    {"契約書番号", FK_TXN_NUMBER, 96},
    {"伝票番号", FK_TXN_NUMBER, 85},
    {"文書番号", FK_TXN_NUMBER, 85},
    {"書類番号", FK_TXN_NUMBER, 88},
    {"管理番号", FK_TXN_NUMBER, 75},
    {"invoice number", FK_TXN_NUMBER, 97},
    {"invoice no.", FK_TXN_NUMBER, 97},
    {"invoice no", FK_TXN_NUMBER, 97},
    {"invoice #", FK_TXN_NUMBER, 97},
    {"invoice id", FK_TXN_NUMBER, 95},
    {"po number", FK_TXN_NUMBER, 95},
    {"po no.", FK_TXN_NUMBER, 95},
    {"p.o. no.", FK_TXN_NUMBER, 95},
    {"po #", FK_TXN_NUMBER, 95},
    {"purchase order no.", FK_TXN_NUMBER, 95},
    {"purchase order number", FK_TXN_NUMBER, 95},
    {"purchase order", FK_TXN_NUMBER, 75},
    {"order number", FK_TXN_NUMBER, 94},
    {"order no.", FK_TXN_NUMBER, 94},
    {"order #", FK_TXN_NUMBER, 92},
    {"order id", FK_TXN_NUMBER, 92},
    {"receipt number", FK_TXN_NUMBER, 95},
    {"receipt no.", FK_TXN_NUMBER, 95},
    {"receipt #", FK_TXN_NUMBER, 95},
    {"quotation no.", FK_TXN_NUMBER, 95},
    {"quotation number", FK_TXN_NUMBER, 95},
    {"quote #", FK_TXN_NUMBER, 92},
    {"quote number", FK_TXN_NUMBER, 93},
    {"contract no.", FK_TXN_NUMBER, 95},
    {"contract number", FK_TXN_NUMBER, 95},
    {"document no.", FK_TXN_NUMBER, 85},
    {"no.", FK_TXN_NUMBER, 60},
    {"№", FK_TXN_NUMBER, 60},
    {"登録番号", FK_TXN_NUMBER, 0},
    {"口座番号", FK_TXN_NUMBER, 0},
    {"電話番号", FK_TXN_NUMBER, 0},
    {"郵便番号", FK_TXN_NUMBER, 0},
    {"法人番号", FK_TXN_NUMBER, 0},
    {"お問い合わせ番号", FK_TXN_NUMBER, 30},
    {"お客様番号", FK_TXN_NUMBER, 20},
    {"会員番号", FK_TXN_NUMBER, 10},
    {"追跡番号", FK_TXN_NUMBER, 10},
    {"tel", FK_TXN_NUMBER, 0},
    {"fax", FK_TXN_NUMBER, 0},
    {"phone", FK_TXN_NUMBER, 0},
    {"account no.", FK_TXN_NUMBER, 0},
    {"account number", FK_TXN_NUMBER, 0},
    {"tracking number", FK_TXN_NUMBER, 10},
    {"customer number", FK_TXN_NUMBER, 20},
    {"口座", FK_TXN_NUMBER, 0},
    {"普通", FK_TXN_NUMBER, 0},
    {"当座", FK_TXN_NUMBER, 0},

    {"取引先名", FK_TXN_COUNTERPARTY, 96},
    {"取引先", FK_TXN_COUNTERPARTY, 95},
    {"請求元", FK_TXN_COUNTERPARTY, 95},
    {"発行元", FK_TXN_COUNTERPARTY, 93},
    {"発行者", FK_TXN_COUNTERPARTY, 93},
    {"発注元", FK_TXN_COUNTERPARTY, 92},
    {"注文者", FK_TXN_COUNTERPARTY, 90},
    {"販売元", FK_TXN_COUNTERPARTY, 90},
    {"販売者", FK_TXN_COUNTERPARTY, 90},
    {"仕入先", FK_TXN_COUNTERPARTY, 95},
    {"supplier", FK_TXN_COUNTERPARTY, 94},
    {"vendor", FK_TXN_COUNTERPARTY, 94},
    {"seller", FK_TXN_COUNTERPARTY, 90},
    {"bill from", FK_TXN_COUNTERPARTY, 94},
    {"請求先", FK_TXN_COUNTERPARTY, 40},
    {"ご請求先", FK_TXN_COUNTERPARTY, 40},
    {"宛先", FK_TXN_COUNTERPARTY, 40},
    {"納品先", FK_TXN_COUNTERPARTY, 35},
    {"bill to", FK_TXN_COUNTERPARTY, 40},
    {"ship to", FK_TXN_COUNTERPARTY, 35},
    {"振込先", FK_TXN_COUNTERPARTY, 60},
    {"口座名義", FK_TXN_COUNTERPARTY, 70},
};

static struct fk_lexicon label_words = FK_LEXICON(labels, word);

bool fk_txn_label__may_begin(uint32_t c) {
    return fk_lexicon_may_begin(&label_words, c);
}

const struct fk_txn_label *fk_txn_label__at(const char *text, size_t len, size_t at, size_t *end) {
    const size_t i = fk_lexicon_longest(&label_words, text, len, at, end);
    return i == FK_LEXICON_NONE ? NULL : &labels[i];
}

enum { GAP_MAX = 60, GAP_LINES = 2, BRACKET_MAX = 40 };

static size_t bracket_pass(const char *text, size_t len, size_t at, uint32_t open) {
    const uint32_t close = open == '(' ? ')' : open == '[' ? ']' : 0x3011;
    const size_t begin = at;
    size_t next;
    for (uint32_t c; (c = fk_glyph(text, len, at, &next)) != FK_GLYPH_END; at = next) {
        if (c == close)
            return next;
        if (c == '\n' || at - begin > BRACKET_MAX)
            break;
    }
    return begin;
}

bool fk_txn_label__reaches(const char *text, size_t len, size_t from, size_t to) {
    static const char *const words[] = {"は", "が", "も",  "金",   "計",   "番号", "no.", "no",
                                        "is", "of", "jpy", "税込", "税抜", "名",   "額"};
    static struct fk_lexicon lexicon = FK_LEXICON_OF(words);
    unsigned lines = 0;
    size_t next, signs = 0;
    for (size_t at = from; at < to; at = next) {
        const uint32_t c = fk_glyph(text, len, at, &next);
        if (fk_glyph_is_blank(c) || c == '\r')
            continue;
        if (c == '\n') {
            if (++lines > GAP_LINES)
                return false;
            continue;
        }
        if (c == '(' || c == '[' || c == 0x3010) {
            next = bracket_pass(text, len, next, c);
        } else if (c >= 0x80 || fk_glyph_is_letter(c)) {
            size_t after = 0;
            (void)fk_lexicon_first(&lexicon, text, len, at, &after);
            if (!after && !(c == 0x30fb || c == 0x2026 || c == 0x3011 || c == 0x300d ||
                            c == FK_GLYPH_YEN || (c >= 0x2500 && c <= 0x25ff)))
                return false;
            next = after ? after : next;
        } else if (fk_glyph_is_digit(c)) {
            return false;
        }
        signs += next - at;
        if (signs > GAP_MAX)
            return false;
    }
    return true;
}

/* ---- kinds */

static const struct {
    const char *word;
    int kind, in_subject, in_text;
} kinds[] = {
    {"請求書", 0, 85, 55},
    {"請求金額", 0, 80, 55},
    {"インボイス", 0, 70, 35},
    {"invoice", 0, 85, 55},
    {"請求", 0, 65, 30},
    {"bill", 0, 45, 15},
    {"注文請書", 1, 88, 58},
    {"注文書", 1, 85, 55},
    {"発注書", 1, 85, 55},
    {"purchase order", 1, 85, 55},
    {"注文番号", 1, 70, 45},
    {"発注番号", 1, 75, 50},
    {"発注", 1, 70, 35},
    {"注文", 1, 65, 30},
    {"order confirmation", 1, 80, 50},
    {"order number", 1, 70, 40},
    {"order", 1, 50, 15},
    {"領収書", 2, 85, 55},
    {"領収証", 2, 85, 55},
    {"receipt", 2, 70, 35},
    {"領収", 2, 60, 30},
    {"見積書", 3, 85, 55},
    {"見積", 3, 65, 30},
    {"quotation", 3, 80, 50},
    {"quote", 3, 60, 20},
    {"estimate", 3, 50, 15},
    {"契約書", 4, 85, 55},
    {"契約", 4, 60, 20},
    {"contract", 4, 70, 30},
    {"agreement", 4, 60, 20},
    {"納品書", 5, 85, 55},
    {"検収書", 5, 85, 55},
    {"納品", 5, 65, 30},
    {"検収", 5, 65, 30},
    {"delivery note", 5, 80, 50},
    {"delivery slip", 5, 80, 50},
    {"read receipt", -1, 0, 0},
    {"delivery receipt", -1, 0, 0},
    {"in order", -1, 0, 0},
};

static struct fk_lexicon kind_words = FK_LEXICON(kinds, word);

bool fk_txn_kind__may_begin(uint32_t c) {
    return fk_lexicon_may_begin(&kind_words, c);
}

int fk_txn_kind__at(const char *text, size_t len, size_t at, size_t *end, int *in_subject,
                    int *in_text) {
    *end = at;
    const size_t i = fk_lexicon_longest(&kind_words, text, len, at, end);
    if (i == FK_LEXICON_NONE)
        return -1;
    *in_subject = kinds[i].in_subject;
    *in_text = kinds[i].in_text;
    return kinds[i].kind;
}
