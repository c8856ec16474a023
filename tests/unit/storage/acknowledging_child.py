"""A process that writes blocks and says on its standard output which ones were acknowledged.

Arguments: directory, and a limit on the size of its files in bytes (0: none).
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


def made_block(chain: MadeChain) -> FinalBlock:
    count = chain.height % 5
    return chain.block([chain.event(DEVICE, ("battery", step)) for step in range(count)])


async def write_blocks(store: SqliteStore, chain: MadeChain, found_height: int) -> None:
    async def write(final: FinalBlock) -> None:
        safety = first_record(epoch=0, root=final.hash, height=final.height)
        await store.write(Batch(pending=final.records, blocks=(not_final(final),)))
        await store.write(Batch(final=(final,), safety=safety))
        print(final.height, flush=True)

    if found_height < 0:
        await write(chain.genesis)
    for _ in range(BLOCKS_COUNT):
        final = made_block(chain)
        if final.height > found_height:
            await write(final)


async def main(directory: Path, limit_bytes: int) -> None:
    store = await SqliteStore.open(directory)
    found = await store.load()
    if limit_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    try:
        await write_blocks(store, MadeChain(), -1 if found is None else found.head_height)
    except StorageFailed as failure:
        print(type(failure).__name__, flush=True)
        try:
            await store.write(Batch())
        except StorageFailed:
            print("stays failed", flush=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
