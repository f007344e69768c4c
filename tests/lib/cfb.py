"""cfb.py - OLE2 compound files ([MS-CFB] version 3) as Outlook and Word write them: tables, directory and small streams first, so
that one that was cut still opens."""
import struct

SECTOR, MINI, CUTOFF, END, NONE = 512, 64, 4096, 0xFFFFFFFE, 0xFFFFFFFF


def pad(data, to):
    return data + b"\0" * (-len(data) % to)


def cfb(streams, storages=()):
    """streams: path -> bytes; storages: such as have nothing in them."""
    tree = {}
    for path, data in list(streams.items()) + [(s, None) for s in storages]:
        at, parts = tree, path.split("/")
        for part in parts[:-1]:
            at = at.setdefault(part, {})
        at[parts[-1]] = {} if data is None else data
    entries = [["Root Entry", 5, NONE, NONE, 0, 0]]  # name, type, right, child, start, size
    bodies = []

    def add(node):
        """The nodes of one storage, each the right sibling of the one before."""
        first = last = NONE
        for name in sorted(node, key=lambda n: (len(n), n.upper())):
            number = len(entries)
            is_storage = isinstance(node[name], dict)
            entries.append([name, 1 if is_storage else 2, NONE, NONE, 0, 0 if is_storage else len(node[name])])
            if is_storage:
                entries[number][3] = add(node[name])
            else:
                bodies.append((number, node[name]))
            if last == NONE:
                first = number
            else:
                entries[last][2] = number
            last = number
        return first

    entries[0][3] = add(tree)
    mini, minifat = b"", []
    for number, data in bodies:
        if len(data) < CUTOFF:
            n = -(-len(data) // MINI)
            entries[number][4] = len(minifat) if n else END
            minifat += [len(minifat) + i + 1 for i in range(n - 1)] + [END] * (n > 0)
            mini += pad(data, MINI)
    big = [(number, pad(data, SECTOR)) for number, data in bodies if len(data) >= CUTOFF]
    sectors = lambda n, size: -(-n // size)
    dirs, minis, streams_n = sectors(len(entries), 4), sectors(len(minifat), 128), sectors(len(mini), SECTOR)
    rest = dirs + minis + streams_n + sum(len(d) // SECTOR for _, d in big)
    fats = 1
    while fats * 128 < rest + fats:
        fats += 1
    assert fats <= 109
    fat = [0xFFFFFFFD] * fats

    def chain(n):
        start = len(fat)
        fat.extend([start + i + 1 for i in range(n - 1)] + [END] * (n > 0))
        return start if n else END

    directory, minifat_at = chain(dirs), chain(minis)
    entries[0][4], entries[0][5] = chain(streams_n), len(mini)
    for number, data in big:
        entries[number][4] = chain(len(data) // SECTOR)
    fat += [NONE] * (fats * 128 - len(fat))
    head = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    head += struct.pack("<IIIIIIIII", 0, fats, directory, 0, CUTOFF, minifat_at, minis, END, 0)
    head += struct.pack("<109I", *(list(range(fats)) + [NONE] * (109 - fats)))
    out = head + struct.pack(f"<{len(fat)}I", *fat)
    for name, kind, right, child, start, size in entries:
        wide = name.encode("utf-16-le")
        out += wide.ljust(64, b"\0") + struct.pack("<HBBIII", len(wide) + 2, kind, 1, NONE, right, child) + b"\0" * 36 + struct.pack("<IQ", start, size)
    out = pad(out, SECTOR) if len(entries) % 4 == 0 else out + (b"\0" * 64 + struct.pack("<HBBIII", 0, 0, 0, NONE, NONE, NONE) + b"\0" * 48) * (-len(entries) % 4)
    out += pad(struct.pack(f"<{len(minifat)}I", *minifat) + b"\xff" * (4 * (-len(minifat) % 128)), SECTOR) + pad(mini, SECTOR)
    return out + b"".join(data for _, data in big)
