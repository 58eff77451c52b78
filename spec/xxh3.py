"""SPEC 2: XXH3-64 with seed 0, as reference.py uses it."""

MASK32 = (1 << 32) - 1
MASK64 = (1 << 64) - 1

PRIME32_1 = 0x9E3779B1
PRIME32_2 = 0x85EBCA77
PRIME32_3 = 0xC2B2AE3D
PRIME64_1 = 0x9E3779B185EBCA87
PRIME64_2 = 0xC2B2AE3D27D4EB4F
PRIME64_3 = 0x165667B19E3779F9
PRIME64_4 = 0x85EBCA77C2B2AE63
PRIME64_5 = 0x27D4EB2F165667C5
PRIME_MX1 = 0x165667919E3779F9
PRIME_MX2 = 0x9FB21C651E98DF25

# XXH3's default secret, 192 bytes.
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)

STRIPE = 64  # bytes one accumulation step reads
STRIPES_PER_BLOCK = 16  # (192 - 64) / 8: the secret advances 8 bytes a stripe
BLOCK = STRIPE * STRIPES_PER_BLOCK


def le32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def le64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def rotate_left(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & MASK64


def byte_swap(value: int) -> int:
    return int.from_bytes(value.to_bytes(8, "little"), "big")


def fold(a: int, b: int) -> int:
    """The 128-bit product's two halves, xored."""
    product = a * b
    return (product & MASK64) ^ (product >> 64)


def avalanche_xxh64(h: int) -> int:
    h = ((h ^ h >> 33) * PRIME64_2) & MASK64
    h = ((h ^ h >> 29) * PRIME64_3) & MASK64
    return h ^ h >> 32


def avalanche(h: int) -> int:
    h = ((h ^ h >> 37) * PRIME_MX1) & MASK64
    return h ^ h >> 32


def xxh3_64(data: bytes) -> int:
    """XXH3_64bits(data): seed 0, default secret."""
    if len(data) <= 16:
        return xxh3_up_to_16(data)
    if len(data) <= 128:
        return xxh3_17_to_128(data)
    if len(data) <= 240:
        return xxh3_129_to_240(data)
    return xxh3_over_240(data)


def xxh3_up_to_16(data: bytes) -> int:
    length = len(data)
    if length == 0:
        return avalanche_xxh64(le64(SECRET, 56) ^ le64(SECRET, 64))
    if length <= 3:
        combined = data[0] << 16 | data[length >> 1] << 24 | data[-1] | length << 8
        return avalanche_xxh64(combined ^ le32(SECRET, 0) ^ le32(SECRET, 4))
    if length <= 8:
        both = le32(data, length - 4) + (le32(data, 0) << 32)
        h = both ^ le64(SECRET, 8) ^ le64(SECRET, 16)
        h ^= rotate_left(h, 49) ^ rotate_left(h, 24)
        h = h * PRIME_MX2 & MASK64
        h ^= (h >> 35) + length
        h = h * PRIME_MX2 & MASK64
        return h ^ h >> 28
    low = le64(data, 0) ^ le64(SECRET, 24) ^ le64(SECRET, 32)
    high = le64(data, length - 8) ^ le64(SECRET, 40) ^ le64(SECRET, 48)
    return avalanche((length + byte_swap(low) + high + fold(low, high)) & MASK64)


def mix16(data: bytes, at: int, secret_at: int) -> int:
    return fold(
        le64(data, at) ^ le64(SECRET, secret_at),
        le64(data, at + 8) ^ le64(SECRET, secret_at + 8),
    )


def xxh3_17_to_128(data: bytes) -> int:
    length = len(data)
    h = length * PRIME64_1
    for pair in range((length - 1) // 32 + 1):  # from both ends towards the middle
        h += mix16(data, 16 * pair, 32 * pair)
        h += mix16(data, length - 16 * (pair + 1), 32 * pair + 16)
    return avalanche(h & MASK64)


def xxh3_129_to_240(data: bytes) -> int:
    length = len(data)
    h = length * PRIME64_1
    for i in range(8):
        h += mix16(data, 16 * i, 16 * i)
    h = avalanche(h & MASK64)
    for i in range(8, length // 16):
        h += mix16(data, 16 * i, 16 * (i - 8) + 3)
    h += mix16(data, length - 16, 136 - 17)
    return avalanche(h & MASK64)


def accumulate(lanes: list[int], data: bytes, at: int, secret_at: int) -> None:
    for i in range(8):
        value = le64(data, at + 8 * i)
        keyed = value ^ le64(SECRET, secret_at + 8 * i)
        lanes[i ^ 1] = (lanes[i ^ 1] + value) & MASK64
        lanes[i] = (lanes[i] + (keyed & MASK32) * (keyed >> 32)) & MASK64


def scramble(lanes: list[int]) -> None:
    for i in range(8):
        lane = lanes[i] ^ lanes[i] >> 47 ^ le64(SECRET, 128 + 8 * i)
        lanes[i] = lane * PRIME32_1 & MASK64


def xxh3_over_240(data: bytes) -> int:
    length = len(data)
    lanes = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1]
    for stripe in range((length - 1) // STRIPE):
        within = stripe % STRIPES_PER_BLOCK
        accumulate(lanes, data, STRIPE * stripe, 8 * within)
        if within == STRIPES_PER_BLOCK - 1:
            scramble(lanes)
    accumulate(lanes, data, length - STRIPE, 192 - STRIPE - 7)
    h = length * PRIME64_1
    for i in range(4):
        h += fold(lanes[2 * i] ^ le64(SECRET, 11 + 16 * i), lanes[2 * i + 1] ^ le64(SECRET, 19 + 16 * i))
    return avalanche(h & MASK64)
