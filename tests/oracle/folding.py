"""folding.py - what docs/query.md and indexer/text/terms.h promise of a text, written once more and from those words alone:
Unicode's NFKC_Casefold by Python's tables, the house's own folds, and where words and runs begin and end.

Cut.doc is a text as it can be searched, one character between any two things that stand apart:

    BREAK     a word's end, a sign, a blank; also before the first and after the last
    LINE      a line end between two characters of a script without spaces: joined, and a BREAK too

    "A会議 B" -> BREAK a BREAK 会議 BREAK b BREAK

All tables of folding that are not Unicode's stand here. VARIANTS are characters that a query finds by one another (of each string
all count as its first): those of the house's own table, where it has one, since that is what is promised.
"""
import functools
import pathlib
import re
import unicodedata



def variants():
    table = pathlib.Path(__file__).parents[2] / "indexer/text/variants.c"
    if not table.exists():
        return []
    return re.findall(r'"([^"\x00-\x7f]{2,})"', table.read_text(encoding="utf-8").split("classes[] = {")[1].split("};")[0])


VARIANTS = variants()
BREAK, LINE, END = "\x1f", "\x1e", "\0"
WORD_BYTES, UNIT_BYTES = 128, 24  # indexer/text/terms.h: longer words are cut; marks over a character's share are left out

IGNORABLE = re.compile(  # Default_Ignorable_Code_Point, DerivedCoreProperties.txt
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]")
# A dash between katakana and kana is a mistyped ー.
DASHES = "\u2010\u2012\u2013\u2014\u2015\u2212\u2500\uff0d"
MISTYPED = re.compile("(?<=[\u30a1-\u30fa\u31f0-\u31ff])[" + DASHES + "](?=[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u31f0-\u31ff])")
# Scripts written without spaces, Hangul, private characters: cut into pairs. Letters and numbers of these ranges only.
RANGES = ((0x0e00, 0x0eff), (0x1000, 0x109f), (0x1100, 0x11ff), (0x1780, 0x17ff), (0x1950, 0x19df), (0x1a20, 0x1aaf), (0x3005, 0x3007),
          (0x3021, 0x3029), (0x3031, 0x3035), (0x3038, 0x303b), (0x3041, 0x309f), (0x30a1, 0x30ff), (0x3105, 0x312f), (0x3131, 0x318e),
          (0x31a0, 0x31bf), (0x31f0, 0x31ff), (0x3400, 0x4dbf), (0x4e00, 0x9fff), (0xa000, 0xa48c), (0xa960, 0xa97c), (0xa9e0, 0xa9fe),
          (0xaa60, 0xaa7f), (0xaa80, 0xaadf), (0xac00, 0xd7fb), (0xe000, 0xf8ff), (0xf900, 0xfaff), (0x20000, 0x3ffff), (0xf0000, 0x10ffff))
SAME = str.maketrans({c: group[0] for group in VARIANTS for c in group[1:]})


@functools.lru_cache(1 << 16)
def fold(text):
    text = MISTYPED.sub("\u30fc", text)
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFD", text)
    for _ in range(4):
        once = unicodedata.normalize("NFKC", IGNORABLE.sub("", text).casefold())
        if once == text:
            break
        text = once
    return text.translate(SAME)


class Classes(dict):
    """A character's class: W of a word, C cut into pairs, M a mark; blanks, line ends and > as they are; . all else."""
    def __missing__(self, cp):
        kind, char = unicodedata.category(chr(cp)), chr(cp)
        unassigned = kind == "Cn" and 0x20000 <= cp < 0x40000
        if char in "\t\r\n >":
            c = " " if char == "\t" else char
        elif kind[0] == "M":
            c = "M"
        elif kind[0] in "LN" or kind == "Co" or unassigned:
            c = "C" if any(low <= cp <= high for low, high in RANGES) else "W"
        else:
            c = "."
        self[cp] = c
        return c


CLASSES = Classes()
TOKEN = re.compile("(W[WM]*)|(C[CM]*)")
LINE_END = re.compile(" *(?:\r\n?|\n)[ >]*")
MANY_MARKS = re.compile("CM{7,}")


def word_pieces(word):
    if len(word) <= WORD_BYTES // 4:
        return [word]
    pieces, size, begin = [], 0, 0
    for i, c in enumerate(word):
        n = len(c.encode())
        if size + n > WORD_BYTES:
            pieces.append(word[begin:i])
            begin, size = i, 0
        size += n
    return pieces + [word[begin:]]


def run_trim(run, kinds):
    if not MANY_MARKS.search(kinds):
        return run
    out, size = [], 0
    for c, kind in zip(run, kinds):
        n = len(c.encode("utf-8", "surrogatepass"))
        if kind == "C":
            size = n
        elif size + n > UNIT_BYTES:
            continue
        else:
            size += n
        out.append(c)
    return "".join(out)


@functools.lru_cache(1 << 16)
def cut(text):
    """A text as it is searched; BREAK alone where there is nothing in it."""
    text = fold(text)
    kinds = text.translate(CLASSES)
    out, end, was_run = [BREAK], 0, False
    for m in TOKEN.finditer(kinds):
        begin, now_run = m.start(), m.group(2) is not None
        if was_run and now_run and LINE_END.fullmatch(kinds, end, begin):
            out[-1] = LINE
        piece = text[begin:m.end()]
        if now_run:
            out += [run_trim(piece, m.group(2)), BREAK]
        else:
            for p in word_pieces(piece):
                out += [p, BREAK]
        end, was_run = m.end(), now_run
    return "".join(out)



def stands(rule, doc):
    """Where it stands in a text; a character with a further mark is another one."""
    at = 0
    while m := rule.search(doc, at):
        if m.end() == len(doc) or CLASSES[ord(doc[m.end()])] != "M":
            return m
        at = m.start() + 1
    return None


class Query:
    """A literal text that is asked for: `bare` stands somewhere in a text's bare form if it is there at all, and `rule`
    (a regular expression) in its cut form exactly where it is. Where `tolerated` stands and `rule` does not, a hit is no fault:
    the character before a blank of the question ("会 議室", "本会 議室") begins a run or a line that goes on with the rest, as
    terms.h has positions."""
    def __init__(self, text):
        whole = cut(text).replace(LINE, BREAK)
        tokens = whole.strip(BREAK).split(BREAK) if whole != BREAK else []
        self.tokens = tokens
        self.bare = "".join(tokens)
        parts = []
        for t in tokens:
            kinds = t.translate(CLASSES)
            if kinds[0] == "C":
                parts.append((False, "".join((LINE + "?" if i and kinds[i] == "C" else "") + re.escape(c) for i, c in enumerate(t))))
            else:
                parts.append((True, re.escape(t)))
        self.rule = self.tolerated = re.compile(self.joined(parts, False)) if parts else None
        if any(not (a[0] or b[0]) for a, b in zip(parts, parts[1:])):
            self.tolerated = re.compile(self.joined(parts, True))

    def joined(self, parts, is_tolerant):
        rule, either = "", "[" + BREAK + LINE + "]"
        for i, (is_word, part) in enumerate(parts):
            apart = is_word or (i > 0 and parts[i - 1][0])
            if i and not apart and is_tolerant:
                a, b = re.escape(self.tokens[i - 1][-1]), re.escape(self.tokens[i])
                rule += f"(?:{either}|(?<={either}{a})" + (f"(?={b}{either}))" if len(self.tokens[i]) == 1 else ")")
            elif i or is_word:
                rule += BREAK if apart else either
            rule += part
        return rule + (BREAK if parts[-1][0] else "")


def bare(doc):
    return doc.replace(BREAK, "").replace(LINE, "")
