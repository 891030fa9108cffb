"""MD2, which no library at hand has any more: RFC 1319, with its table drawn from the digits of pi."""


def pi_permutation():
    """MD2's table: a shuffle of 0 to 255 drawn from the digits of pi (as RFC 1319 says it was made)."""
    digits = pi_digits()

    def random_below(n):
        if n > 100:
            size, count = 1000, 3
        elif n > 10:
            size, count = 100, 2
        else:
            size, count = 10, 1
        while True:
            value = int("".join(str(next(digits)) for _ in range(count)))
            if value < n * (size // n):
                return value % n

    table = list(range(256))
    for i in range(2, 257):
        j = random_below(i)
        table[j], table[i - 1] = table[i - 1], table[j]
    return table


def pi_digits():
    """The decimal digits of pi, from the 3 (Gibbons' spigot)."""
    q, r, t, k, n, l = 1, 0, 1, 1, 3, 3
    while True:
        if 4 * q + r - t < n * t:
            yield n
            q, r, n = 10 * q, 10 * (r - n * t), (10 * (3 * q + r)) // t - 10 * n
        else:
            q, r, t, k, n, l = q * k, (2 * q + r) * l, t * l, k + 1, (q * (7 * k + 2) + r * l) // (t * l), l + 2


MD2_TABLE = pi_permutation()


def md2(message):
    """RFC 1319."""
    pad = 16 - len(message) % 16
    message += bytes([pad]) * pad
    checksum, last = bytearray(16), 0
    for at in range(0, len(message), 16):
        for i in range(16):
            checksum[i] ^= MD2_TABLE[message[at + i] ^ last]
            last = checksum[i]
    message += checksum
    state = bytearray(48)
    for at in range(0, len(message), 16):
        for i in range(16):
            state[16 + i] = message[at + i]
            state[32 + i] = state[16 + i] ^ state[i]
        t = 0
        for step in range(18):
            for i in range(48):
                state[i] ^= MD2_TABLE[t]
                t = state[i]
            t = (t + step) % 256
    return bytes(state[:16])


assert md2(b"abc").hex() == "da853b0d3f88d99b30283a69e6ded6bb"  # RFC 1319 A.5
