import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeFolder } from '../src/folders.ts'

describe('a folder that is made', () => {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'concord-folders-'))
  })
  afterEach(() => rm(root, { recursive: true }))

  it('has those above it, is its owner’s alone, and may be there already', async () => {
    const path = join(root, 'a', 'b', 'c')
    await Promise.all([makeFolder(path), makeFolder(path), makeFolder(join(root, 'a', 'b'))])
    await makeFolder(path)
    for (const made of [path, join(root, 'a')]) expect((await stat(made)).mode & 0o777).toBe(0o700)
  })

  it('is refused where a file is in the way', async () => {
    await writeFile(join(root, 'file'), '')
    await expect(makeFolder(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(makeFolder(join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'EEXIST' })
  })
})
