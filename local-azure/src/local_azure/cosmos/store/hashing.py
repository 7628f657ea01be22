"""MurmurHash3 (Austin Appleby, public domain), x64 128 bits and x86 32 bits, seed 0: the hashes behind feed ranges."""

_MASK64 = 0xFFFF_FFFF_FFFF_FFFF
_MASK32 = 0xFFFF_FFFF
_C1 = 0x87C3_7B91_1142_53D5
_C2 = 0x4CF5_AD43_2745_937F


def _final64(value: int) -> int:
    value ^= value >> 33
    value = (value * 0xFF51_AFD7_ED55_8CCD) & _MASK64
    value ^= value >> 33
    value = (value * 0xC4CE_B9FE_1A85_EC53) & _MASK64
    return value ^ (value >> 33)


def _scramble1(word: int) -> int:
    word = (word * _C1) & _MASK64
    return (((word << 31) | (word >> 33)) * _C2) & _MASK64


def _scramble2(word: int) -> int:
    word = (word * _C2) & _MASK64
    return (((word << 33) | (word >> 31)) * _C1) & _MASK64


def murmur3_128(content: bytes) -> int:
    """The two halves as one number: the second half is the upper 64 bits."""
    first = second = 0
    blocks = len(content) & ~15
    for start in range(0, blocks, 16):
        first ^= _scramble1(int.from_bytes(content[start : start + 8], "little"))
        first = (((first << 27) | (first >> 37)) + second) & _MASK64
        first = (first * 5 + 0x52DC_E729) & _MASK64
        second ^= _scramble2(int.from_bytes(content[start + 8 : start + 16], "little"))
        second = (((second << 31) | (second >> 33)) + first) & _MASK64
        second = (second * 5 + 0x3849_5AB5) & _MASK64
    first ^= _scramble1(int.from_bytes(content[blocks : blocks + 8], "little"))
    second ^= _scramble2(int.from_bytes(content[blocks + 8 :], "little"))
    first ^= len(content)
    second ^= len(content)
    first = (first + second) & _MASK64
    second = (second + first) & _MASK64
    first, second = _final64(first), _final64(second)
    first = (first + second) & _MASK64
    second = (second + first) & _MASK64
    return (second << 64) | first


def murmur3_32(content: bytes) -> int:
    value = 0
    blocks = len(content) & ~3
    for start in range(0, blocks, 4):
        value ^= _scramble32(int.from_bytes(content[start : start + 4], "little"))
        value = ((value << 13) | (value >> 19)) & _MASK32
        value = (value * 5 + 0xE654_6B64) & _MASK32
    value ^= _scramble32(int.from_bytes(content[blocks:], "little"))
    value ^= len(content)
    value ^= value >> 16
    value = (value * 0x85EB_CA6B) & _MASK32
    value ^= value >> 13
    value = (value * 0xC2B2_AE35) & _MASK32
    return value ^ (value >> 16)


def _scramble32(word: int) -> int:
    word = (word * 0xCC9E_2D51) & _MASK32
    word = ((word << 15) | (word >> 17)) & _MASK32
    return (word * 0x1B87_3593) & _MASK32
