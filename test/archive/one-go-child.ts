// A process of its own that stores one instance in a folder and SQLite, for store-order.test.ts to watch.
//   node test/archive/one-go-child.ts FOLDER
import { join } from 'node:path'
import { createIntake, storeInstances } from '../../src/archive/store.ts'
import { openFolderBlobs } from '../../src/blobs/folder.ts'
import { openSqlite } from '../../src/database/sqlite.ts'
import { ct } from '../samples.ts'

const [folder = ''] = process.argv.slice(2)
const blobs = await openFolderBlobs({ path: join(folder, 'blobs') })
const database = await openSqlite({ path: join(folder, 'index.db'), quietMs: 1000, maxWaitMs: 1000 })
const intake = createIntake(
  { blobs, database, now: () => new Date() },
  {
    spoolDir: folder,
    memoryBytes: 1e6,
    partBytes: 1e6,
    headerBytes: 1e6,
    onBug: (error) => {
      throw error
    },
  },
)
process.stdout.write('begun\n')
const [outcome] = await storeInstances(intake, [ct().bytes], { sender: null })
process.stdout.write(`acknowledged ${outcome?.kind}\n`)
await database.close()
await blobs.close()
