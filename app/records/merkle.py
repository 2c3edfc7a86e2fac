"""The Merkle root of a batch of journal entries (RFC 6962: leaves and nodes hash apart)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

EMPTY = sha256(b"").digest()


class MerkleTree:
    """A tree that grows leaf by leaf and keeps only the roots of its full halves."""

    __slots__ = ("_halves", "leaves")

    def __init__(self) -> None:
        self.leaves = 0
        self._halves: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """Append a leaf on the right."""
        self.leaves += 1
        size, node = 1, sha256(b"\0" + leaf).digest()
        while self._halves and self._halves[-1][0] == size:
            node = sha256(b"\1" + self._halves.pop()[1] + node).digest()
            size *= 2
        self._halves.append((size, node))

    def root(self) -> bytes:
        """The root over all leaves so far (32 bytes)."""
        if not self._halves:
            return EMPTY
        node = self._halves[-1][1]
        for _, left in reversed(self._halves[:-1]):
            node = sha256(b"\1" + left + node).digest()
        return node


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """Root over the leaves in the order given."""
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()
