"""Questions about blocks, certificates and proofs: exact bytes, as they were signed."""

from typing import Final

from homechain.crypto.errors import InvalidProof
from homechain.crypto.merkle import NodeAddress, inclusion_path, inclusion_path_nodes, leaf_hash
from homechain.model.blocks import Block, CertifiedBlock, CommitCertificate, read_header
from homechain.storage.errors import DatabaseDamaged, damage_named
from homechain.storage.loading import read_certificate
from homechain.storage.readers import Readers, Row
from homechain.storage.tree_nodes import (
    LOWEST_STORED_LEVEL,
    node_position,
    nodes_wanted,
    subtree_hash,
)

RECORDS_PER_FETCH: Final = 256
"""Records read in one go while a page of blocks fills up."""


class ChainReads:
    """The half of `Queries` that serves other hubs, verifiers and devices' proofs."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def block(self, height: int) -> CertifiedBlock | None:
        """See `Queries`."""
        rows = await self._readers.rows(
            "SELECT header, proposal, certificate FROM blocks WHERE height = ?", (height,)
        )
        blocks = await self._with_records(rows, at_most_bytes=None)
        return blocks[0] if blocks else None

    async def blocks(
        self, from_height: int, *, limit: int, at_most_bytes: int
    ) -> list[CertifiedBlock]:
        """See `Queries`. If the first certified block is farther than both limits reach, the answer
        goes up to it all the same: less would prove nothing.
        """
        rows = await self._readers.rows(
            "SELECT header, proposal, certificate FROM blocks WHERE height >= ?"
            " ORDER BY height LIMIT ?",
            (from_height, limit),
        )
        blocks = await self._with_records(rows, at_most_bytes=at_most_bytes)
        # Genesis is final by itself and has no certificate.
        while blocks and blocks[-1].commit is None and (from_height > 0 or len(blocks) > 1):
            blocks.pop()
        if blocks or not rows:
            return blocks
        certified = await self._readers.first(
            "SELECT height FROM blocks WHERE height >= ? AND certificate IS NOT NULL"
            " ORDER BY height LIMIT 1",
            (from_height,),
        )
        if certified is None:
            return []
        rows = await self._readers.rows(
            "SELECT header, proposal, certificate FROM blocks WHERE height BETWEEN ? AND ?"
            " ORDER BY height",
            (from_height, certified[0]),
        )
        return await self._with_records(rows, at_most_bytes=None)

    async def covering_commit(self, height: int) -> tuple[bytes, CommitCertificate] | None:
        """See `Queries`."""
        row = await self._readers.first(
            "SELECT header, certificate FROM blocks WHERE height >= ? AND certificate IS NOT NULL"
            " ORDER BY height LIMIT 1",
            (height,),
        )
        if row is None:
            return None
        certificate = read_certificate(row[1])
        assert certificate is not None, "the question asked for one"
        return row[0], certificate

    async def inclusion_path(self, *, index: int, size: int) -> list[bytes]:
        """See `Queries`. `InvalidProof` unless index < size and so many records are final here."""
        entries = inclusion_path_nodes(index=index, size=size)
        wanted = nodes_wanted(node for entry in entries for node in entry)
        stored: dict[int, bytes] = dict(
            await self._readers.rows(
                "SELECT position, hash FROM tree_nodes"
                " WHERE position IN (SELECT value FROM json_each(?))",
                (_json(wanted.positions),),
            )
        )
        # The last record is asked for as well: a path does not pass by every leaf.
        leaves = {
            number: leaf_hash(raw)
            for number, raw in await self._readers.rows(
                "SELECT idx, raw FROM records WHERE idx IN (SELECT value FROM json_each(?))",
                (_json((*wanted.leaves, size - 1)),),
            )
        }
        if size - 1 not in leaves:
            raise InvalidProof("so many records are not final here")

        def read_node(level: int, position: int) -> bytes:
            if level >= LOWEST_STORED_LEVEL:
                return stored[node_position(level, position)]
            return subtree_hash([leaves[leaf] for leaf in _leaves_below((level, position))])

        try:
            return inclusion_path(index=index, size=size, read_node=read_node)
        except KeyError as error:
            raise DatabaseDamaged(f"a node of the record tree is missing: {error}") from error

    async def _with_records(
        self, rows: list[Row], *, at_most_bytes: int | None
    ) -> list[CertifiedBlock]:
        """The blocks of these rows, until they weigh too much; the first is always there."""
        blocks: list[CertifiedBlock] = []
        if not rows:
            return blocks
        with damage_named():
            headers = [read_header(header) for header, _, _ in rows]
        first = headers[0].tree_size - headers[0].record_count
        weight = 0
        async with (
            self._readers.connection() as connection,
            connection.execute(
                "SELECT raw FROM records WHERE idx >= ? AND idx < ? ORDER BY idx",
                (first, headers[-1].tree_size),
            ) as cursor,
        ):
            waiting: list[bytes] = []
            for (header_bytes, proposal, certificate), header in zip(rows, headers, strict=True):
                while len(waiting) < header.record_count:
                    more = await cursor.fetchmany(RECORDS_PER_FETCH)
                    if not more:
                        raise DatabaseDamaged(f"block {header.height} lacks records")
                    waiting += [raw for (raw,) in more]
                records = tuple(waiting[: header.record_count])
                del waiting[: header.record_count]
                weight += len(header_bytes) + len(proposal) + len(certificate or b"")
                weight += sum(map(len, records))
                if at_most_bytes is not None and weight > at_most_bytes and blocks:
                    break
                blocks.append(
                    CertifiedBlock(
                        Block(header_bytes, records), proposal, read_certificate(certificate)
                    )
                )
        return blocks


def _json(numbers: tuple[int, ...]) -> str:
    return str(list(numbers))


def _leaves_below(address: NodeAddress) -> range:
    level, index = address
    return range(index << level, (index + 1) << level)
