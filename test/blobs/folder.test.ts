import { openFolderBlobs } from '../../src/blobs/folder.ts'
import { describeVault } from './contract.ts'

describeVault('a folder', async (path) => {
  const open = () => openFolderBlobs({ path })
  return { vault: await open(), reopen: open, listsSha256: (size) => size <= 64 * 1024 }
})
