"""opened.py IMAGE [KEKS] <SEQS: the seqs of those contents whose key can still be had from the raw bytes of a disk, one a line.

What an attacker does who has the disk, and the key-encryption keys of the file KEKS (a line each, in hex: of before, of now). All that
has the form of a key-encryption key or of an intermediate key is taken from the image, whatever file it is or was in; each is tried on
each. Then whatever stands behind a content's number, in a key file or in a page of a segment, free or not, is tried with all that opened.
From docs/format-vault.md 4 alone; the unwrapping (RFC 5649) is libcrypto's.

With --keks alone: the names (docs/format-vault.md 4) of the key-encryption keys that the image has.
"""
import ctypes, ctypes.util, hashlib, os, re, sys

crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_wrap_pad"):
    getattr(crypto, name).restype = ctypes.c_void_p
crypto.EVP_CIPHER_CTX_set_flags.argtypes = [ctypes.c_void_p, ctypes.c_int]
crypto.EVP_DecryptInit_ex.argtypes = [ctypes.c_void_p] * 5
crypto.EVP_DecryptUpdate.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
WRAPPED, WRAP_ALLOW = 80, 1


def unwrapper(key):
    context = crypto.EVP_CIPHER_CTX_new()
    crypto.EVP_CIPHER_CTX_set_flags(context, WRAP_ALLOW)
    crypto.EVP_DecryptInit_ex(context, crypto.EVP_aes_256_wrap_pad(), None, key, None)
    out, n = ctypes.create_string_buffer(256), ctypes.c_int()

    def unwrap(data):
        ok = crypto.EVP_DecryptUpdate(context, out, ctypes.byref(n), data, len(data)) == 1
        return out.raw[:n.value] if ok and n.value > 0 else None
    return unwrap


def written(path):
    """Its bytes, but for what was never written, run by run."""
    with open(path, "rb") as f:
        size, at = os.fstat(f.fileno()).st_size, 0
        while at < size:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
            f.seek(at)
            yield f.read(end - at)
            at = end


image, keks_given = sys.argv[1], sys.argv[2:3]
runs = list(written(image))
keks = set(bytes.fromhex(k.decode()) for run in runs for k in re.findall(rb"fumikura-kek/1 key=([0-9a-f]{64})\n", run))
if keks_given == ["--keks"]:
    print("\n".join(sorted(hashlib.sha256(b"fumikura-kek/1 id\n" + k).hexdigest()[:16] for k in keks)))
    sys.exit()
for path in keks_given:
    keks |= {bytes.fromhex(k) for k in open(path).read().split()}
siks = {bytes.fromhex(s.decode()) for run in runs
        for s in re.findall(rb"fumikura-keys/1 ledger=[0-9a-f]{32} segment=\d+ generation=\d+ count=\d+ sik=([0-9a-f]{144})", run)}
inner = {plain[:32] for unwrap in map(unwrapper, keks) for plain in map(unwrap, siks) if plain and len(plain) == 64}
unwraps = [unwrapper(key) for key in inner]

wanted = {int(word) for word in sys.stdin.read().split()}
opened = set()
zeros = re.compile(rb"\0{5,}")
for run in runs if wanted else []:
    for end in (found.end() for found in zeros.finditer(run)):
        for start in range(end - 7, end - 4): # a number below 2^24 in eight bytes: its first that is not 0 is at `end`
            seq, record = int.from_bytes(run[start:start + 8], "big"), run[start + 8:start + 8 + WRAPPED]
            if seq not in wanted or seq in opened or len(record) < WRAPPED or len(set(record)) < 40: # random: about 70 values
                continue
            if any(plain and len(plain) == 72 and int.from_bytes(plain[48:56], "big") == seq for plain in (u(record) for u in unwraps)):
                opened.add(seq)
for seq in sorted(opened):
    print(seq)
