"""A process that writes blocks and says on its standard output which ones were acknowledged.

Arguments: directory, a limit on the size of its files in bytes (0: none), and how many characters
of text each record carries.
"""

import asyncio
import resource
import sys
from pathlib import Path

from homechain.consensus.safety import first_record
from homechain.node.ports import Batch, FinalBlock
from homechain.storage.errors import StorageFailed
from homechain.storage.store import SqliteStore
from tests.fakes.made_chain import MadeChain, key, not_final

DEVICE = key(20)
BLOCKS_COUNT = 3_000


def made_block(chain: MadeChain, *, text_characters: int) -> FinalBlock:
    text = "x" * text_characters
    return chain.block(
        [chain.event(DEVICE, ("battery", n), ("text", text)) for n in range(chain.height % 5)]
    )


async def write_blocks(store: SqliteStore, *, found_height: int, text_characters: int) -> None:
    chain = MadeChain()

    async def write(final: FinalBlock) -> None:
        safety = first_record(epoch=0, root=final.hash, height=final.height)
        await store.write(Batch(pending=final.records, blocks=(not_final(final),)))
        await store.write(Batch(final=(final,), safety=safety))
        print(final.height, flush=True)

    if found_height < 0:
        await write(chain.genesis)
    for _ in range(BLOCKS_COUNT):
        final = made_block(chain, text_characters=text_characters)
        if final.height > found_height:
            await write(final)


async def main(directory: Path, *, limit_bytes: int, text_characters: int) -> None:
    store = await SqliteStore.open(directory)
    found = await store.load()
    found_height = -1 if found is None else found.head_height
    if limit_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    try:
        await write_blocks(store, found_height=found_height, text_characters=text_characters)
    except StorageFailed as failure:
        print(type(failure).__name__, flush=True)
        try:
            await store.write(Batch())
        except StorageFailed:
            print("stays failed", flush=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(
        main(Path(sys.argv[1]), limit_bytes=int(sys.argv[2]), text_characters=int(sys.argv[3]))
    )
