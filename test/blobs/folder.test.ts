import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import {
  appendFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openFolderBlobs } from '../../src/blobs/folder.ts'
import type { BlobVault, SmallBlob } from '../../src/blobs/ports.ts'
import { writeDurably, type DurableWrite } from '../../src/durable-write.ts'
import { traceCalls } from '../system-calls.ts'
import { blobOf, keyOf, listAll, putOne, readAll, sha256Of, stagedBlob } from './blobs.ts'
import { describeVault } from './contract.ts'

const KIB = 1024
const CHILD = fileURLToPath(new URL('./folder-child.ts', import.meta.url))

describeVault('a folder', async (path) => {
  const open = () => openFolderBlobs({ path })
  return { vault: await open(), reopen: open, listsSha256: (size) => size <= 64 * KIB }
})

let path: string
const vaults: BlobVault[] = []
const children: ChildProcess[] = []

async function openVault(options: { segmentBytes?: number; stagingPath?: string } = {}): Promise<BlobVault> {
  const vault = await openFolderBlobs({ path, ...options })
  vaults.push(vault)
  return vault
}

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'concord-folder-'))
})

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await Promise.all(vaults.splice(0).map((vault) => vault.close()))
  await rm(path, { recursive: true, force: true })
})

function startChild(mode: string): ChildProcess {
  const child = spawn(process.execPath, [CHILD, mode, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  return child
}

/** The lines that a child says, parsed. */
async function* linesOf(child: ChildProcess): AsyncGenerator<Record<string, unknown>> {
  for await (const line of createInterface({ input: child.stdout! })) {
    // A line cut by the kill was not said.
    if (line.endsWith('}')) yield JSON.parse(line) as Record<string, unknown>
  }
}

async function segmentFiles(): Promise<string[]> {
  const names = await readdir(join(path, 'segments'))
  return names.filter((name) => name.endsWith('.seg')).map((name) => join(path, 'segments', name)).sort() // prettier-ignore
}

describe('a folder killed with SIGKILL', () => {
  it('keeps whole what it acknowledged, whenever it is killed', async () => {
    const acknowledged = new Map<string, string>()
    for (let round = 0; round < 8; round++) {
      const child = startChild('store')
      // By what it has done, not by the clock, for a busy machine does little; then somewhere in what it does next.
      const enough = acknowledged.size + 15 + Math.random() * 60
      let isEnding = false
      for await (const line of linesOf(child)) {
        for (const [key, sha256] of (line['acknowledged'] ?? []) as [string, string][])
          acknowledged.set(key, sha256)
        if (isEnding || acknowledged.size < enough) continue
        isEnding = true
        setTimeout(() => child.kill('SIGKILL'), Math.random() * 10)
      }
    }
    expect(acknowledged.size).toBeGreaterThan(100)
    const vault = await openVault({ stagingPath: join(path, 'staging') })
    for (const [key, sha256] of acknowledged) expect(sha256Of(await readAll(vault, key))).toBe(sha256)
    const listed = new Map((await listAll(vault)).map((blob) => [blob.key, blob]))
    for (const key of acknowledged.keys()) expect(listed.has(key)).toBe(true)
    for (const { key, sha256 } of listed.values()) {
      if (sha256 !== undefined) expect(sha256Of(await readAll(vault, key))).toBe(sha256)
    }
    expect(await readdir(join(path, 'incoming'))).toEqual([])
    expect(await readdir(join(path, 'staging'))).toEqual([])
  }, 60_000)

  it('can be opened again at once, though nobody gave the lock back', async () => {
    const child = startChild('hold')
    let lines = 0
    for await (const line of linesOf(child)) {
      lines++
      expect(line).toEqual({ isOpen: true })
      await expect(openVault()).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining('Another process') as string,
      })
      child.kill('SIGKILL')
    }
    expect(lines).toBe(1)
    await (await openVault()).check()
  })
})

describe('the order of system calls of a folder', () => {
  it('makes bytes, names and directories durable before it acknowledges', () => {
    const names = ['openat', 'open', 'pwrite64', 'write', 'fsync', 'fdatasync', 'rename', 'renameat2']
    const traced = traceCalls(names, [CHILD, 'once', path])
    if (traced === null) return
    const trace = traced.calls
    const [small, large, staged] = /"acknowledged":\[(.*)\]/.exec(traced.stdout)![1]!.replaceAll('"', '').split(',') // prettier-ignore
    const at = (...parts: string[]): number =>
      trace.findLastIndex((call) => parts.every((part) => call.includes(part)))
    const inOrder = (...steps: number[]): void => {
      for (const step of steps) expect(step).toBeGreaterThanOrEqual(0)
      expect(steps).toEqual([...steps].sort((a, b) => a - b))
    }
    const acknowledged = at('write(1<', 'acknowledged')
    const segment = `segments/${small!.split('/')[1]}.seg`
    inOrder(at('openat(', segment, 'O_DSYNC'), at('pwrite64(', segment), acknowledged)
    inOrder(at('openat(', segment, 'O_CREAT'), at('fsync(', '/segments>'), acknowledged)
    const [id, stagedId] = [large!.slice(2), staged!.slice(2)]
    const directory = `files/${id.slice(0, 5)}/${id.slice(5, 7)}>`
    inOrder(at('openat(', `${id}.part`, 'O_DSYNC'), at('pwrite64(', `${id}.part`), at('rename', `/${id}"`))
    inOrder(at('rename', `/${id}"`), at('fsync(', directory), acknowledged)
    inOrder(
      at('fdatasync(', '/staging/'),
      at('rename', `/${stagedId}"`),
      at('fsync(', directory),
      acknowledged,
    )
    inOrder(at('fsync(', '/files>'), acknowledged)
    inOrder(at('fsync(', `/files/${id.slice(0, 5)}>`), acknowledged)
  })
})

describe('the lock of a folder', () => {
  it('keeps out another process and another opening in the same process, until it is closed', async () => {
    const vault = await openVault()
    await expect(openVault()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/Another process/) as string,
    })
    const said: unknown[] = []
    for await (const line of linesOf(startChild('hold'))) said.push(line)
    expect(said).toEqual([{ refused: expect.stringMatching(/Another process/) as string }])
    await vault.close()
    await (await openVault()).check()
  })
})

describe('small blobs that somebody else writes', () => {
  const lent = (...contents: readonly Buffer[]): readonly SmallBlob[] =>
    contents.map((bytes) => ({
      pieces: [bytes],
      size: bytes.length,
      sha256: sha256Of(bytes),
      arrivedAt: 1_000_000,
    }))
  const write = ({ fd, bytes, position }: DurableWrite): Promise<void> => writeDurably(fd, [bytes], position)
  const [one, two, three] = [randomBytes(3000), randomBytes(500), randomBytes(4000)]

  it('are there once they are written, in order of their arrival', async () => {
    const vault = await openVault()
    const places = await vault.small!.lend(lent(one, two), async (todo, where) => {
      await write(todo)
      return { bytes: 'written', result: where }
    })
    const third = await putOne(vault, blobOf(three))
    const keys = [...places.map(({ key }) => key), third]
    for (const [at, bytes] of [one, two, three].entries())
      expect(await readAll(vault, keys[at]!)).toEqual(bytes)
    expect((await listAll(vault)).map(({ key }) => key)).toEqual(keys)
    expect((await listAll(vault))[0]).toMatchObject({ arrivedAt: new Date(1_000_000), sha256: sha256Of(one) })
  })

  it('leave no trace when they were not wanted', async () => {
    const vault = await openVault()
    const first = await vault.small!.lend(lent(one), (_, [place]) =>
      Promise.resolve({ bytes: 'untouched', result: place!.key }),
    )
    expect(await vault.stat(first)).toBeNull()
    expect(await putOne(vault, blobOf(one))).toBe(first)
    await vault.close()
    expect(statSync((await segmentFiles())[0]!).size).toBe(3080)
  })

  it('that were written in part are cut off, and their segment grows no more', async () => {
    const vault = await openVault()
    const before = await putOne(vault, blobOf(two))
    const lending = vault.small!.lend(lent(one), async ({ fd, bytes, position }) => {
      await write({ fd, position, bytes: bytes.slice(0, 1000) })
      return { bytes: 'torn', code: 'ENOSPC' }
    })
    await expect(lending).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'Blobs were not written: the disk is full.',
    })
    const after = await putOne(vault, blobOf(three))
    expect(await readAll(vault, before)).toEqual(two)
    expect(await readAll(vault, after)).toEqual(three)
    const sizes = (await segmentFiles()).map((file) => statSync(file).size)
    expect(sizes).toEqual([580, 4080])
  })

  it.each([true, false])(
    'are not written over when nobody knows whether they are there (%s)',
    async (isThere) => {
      const vault = await openVault()
      let key = ''
      const lending = vault.small!.lend(lent(one), async (todo, [place]) => {
        key = place!.key
        if (isThere) await write(todo)
        throw new Error('the thread died')
      })
      await expect(lending).rejects.toThrow('the thread died')
      const after = await putOne(vault, blobOf(three))
      expect(await readAll(vault, after)).toEqual(three)
      expect(await vault.stat(key)).toEqual(isThere ? { size: 3000 } : null)
      await vault.close()
      const keys = isThere ? [key, after] : [after]
      expect((await listAll(await openVault())).map((blob) => blob.key)).toEqual(keys)
    },
  )

  it('have the segment for themselves meanwhile', async () => {
    const vault = await openVault()
    const order: string[] = []
    const putting: Promise<unknown>[] = []
    await vault.small!.lend(lent(one), async (todo) => {
      putting.push(putOne(vault, blobOf(two)).then(() => order.push('put')))
      await new Promise(setImmediate)
      await write(todo)
      order.push('lent')
      return { bytes: 'written', result: null }
    })
    await Promise.all(putting)
    expect(order).toEqual(['lent', 'put'])
    expect(await listAll(vault)).toHaveLength(2)
  })
})

describe('segments', () => {
  it('hold small blobs of many batches in few files, and roll at their size', async () => {
    const vault = await openVault({ segmentBytes: 100 * KIB })
    const keys: string[] = []
    for (let i = 0; i < 100; i++) keys.push(await putOne(vault, blobOf(Buffer.alloc(4 * KIB, i))))
    const files = await segmentFiles()
    expect(files).toHaveLength(5)
    for (const file of files) expect(statSync(file).size).toBeLessThanOrEqual(100 * KIB)
    for (const [i, key] of keys.entries()) expect(await readAll(vault, key)).toEqual(Buffer.alloc(4 * KIB, i))
  })

  it('are read without an index: a torn tail is skipped, damage hides one record alone', async () => {
    const vault = await openVault()
    const contents = Array.from({ length: 5 }, () => randomBytes(3000))
    const keys = (await vault.put(contents.map(blobOf))).map(keyOf)
    await vault.close()
    const [file = ''] = await segmentFiles()
    const record = 3080
    expect(statSync(file).size).toBe(5 * record)
    // What a power cut leaves: a header whose bytes never came, then zeros, then the start of a header.
    const bytes = await readFile(file)
    await appendFile(file, Buffer.concat([bytes.subarray(0, 200), Buffer.alloc(5000), bytes.subarray(0, 30)]))
    const handle = await open(file, 'r+')
    await handle.write(Buffer.from([0xff]), 0, 1, 2 * record + 9)
    await handle.close()
    const again = await openVault()
    expect((await listAll(again)).map(({ key }) => key)).toEqual(keys.filter((_, i) => i !== 2))
    await expect(again.get(keys[2]!)).rejects.toMatchObject({ kind: 'unavailable' })
    for (const i of [0, 1, 3, 4]) expect(await readAll(again, keys[i]!)).toEqual(contents[i])
    await again.put([blobOf(randomBytes(10))])
    expect(await segmentFiles()).toHaveLength(2)
    expect(statSync(file).size).toBe(5 * record + 5230)
  })

  it('never take for a record what lies inside of a blob', async () => {
    const vault = await openVault()
    await vault.put([blobOf(randomBytes(500)), blobOf(randomBytes(600))])
    const [file = ''] = await segmentFiles()
    const segment = await readFile(file)
    const key = await putOne(vault, blobOf(Buffer.concat([segment, segment])))
    await vault.close()
    // With its own header gone too, the walk must search through the blob.
    const handle = await open(file, 'r+')
    await handle.write(Buffer.alloc(80), 0, 80, segment.length)
    await handle.close()
    const listed = await listAll(await openVault())
    expect(listed).toHaveLength(2)
    expect(listed.map((blob) => blob.key)).not.toContain(key)
  })

  it('are truncated by nobody: a cut one loses its last records and says so', async () => {
    const vault = await openVault()
    const keys = (await vault.put([randomBytes(1000), randomBytes(1000)].map(blobOf))).map(keyOf)
    await vault.close()
    const [file = ''] = await segmentFiles()
    await truncate(file, 2000)
    const again = await openVault()
    expect((await listAll(again)).map(({ key }) => key)).toEqual([keys[0]])
    await expect(again.get(keys[1]!)).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await again.stat(keys[0]!)).toEqual({ size: 1000 })
  })

  it('go with their last record, and not before', async () => {
    const vault = await openVault({ segmentBytes: 10 * KIB })
    const keys: string[] = []
    for (let i = 0; i < 9; i++) keys.push(await putOne(vault, blobOf(randomBytes(3000))))
    expect(await segmentFiles()).toHaveLength(3)
    for (const key of [keys[1]!, keys[0]!]) await vault.remove(key)
    expect(await segmentFiles()).toHaveLength(3)
    await vault.remove(keys[2]!)
    expect(await segmentFiles()).toHaveLength(2)
    // The last one still grows; it goes when it does not any more.
    for (const key of keys.slice(6)) await vault.remove(key)
    expect(await segmentFiles()).toHaveLength(2)
    await vault.close()
    expect(await segmentFiles()).toHaveLength(1)
    const again = await openVault()
    expect((await listAll(again)).map(({ key }) => key)).toEqual(keys.slice(3, 6))
    expect((await readdir(join(path, 'segments'))).filter((name) => name.endsWith('.dead'))).toEqual([])
  })

  it('are not deleted while there are bytes in them that nobody can read', async () => {
    const vault = await openVault()
    const key = await putOne(vault, blobOf(randomBytes(3000)))
    await vault.close()
    const [file = ''] = await segmentFiles()
    await appendFile(file, 'torn')
    const again = await openVault()
    await again.remove(key)
    expect(await again.stat(key)).toBeNull()
    await again.close()
    expect(existsSync(file)).toBe(true)
    expect(await (await openVault()).stat(key)).toBeNull()
  })

  it('finish a deletion that a crash cut short, and believe no torn removal', async () => {
    const vault = await openVault()
    const keys = (await vault.put([randomBytes(100), randomBytes(100)].map(blobOf))).map(keyOf)
    await vault.remove(keys[1]!)
    await vault.close()
    const [file = ''] = await segmentFiles()
    const dead = file.replace('.seg', '.dead')
    // A second removal of which zeros came to the disk: they would be the place of the first record.
    await appendFile(dead, Buffer.alloc(13))
    const again = await openVault()
    expect((await listAll(again)).map(({ key }) => key)).toEqual([keys[0]])
    await again.remove(keys[0]!)
    await again.close()
    await writeFile(dead, Buffer.alloc(8))
    await openVault()
    expect(await readdir(join(path, 'segments'))).toEqual([])
  })
})

describe('files', () => {
  it('are for reading only, and in a directory by time', async () => {
    const vault = await openVault()
    const key = await putOne(vault, blobOf(randomBytes(70 * KIB)))
    const id = key.slice(2)
    const file = join(path, 'files', id.slice(0, 5), id.slice(5, 7), id)
    expect(statSync(file).mode & 0o777).toBe(0o400)
    expect(statSync(file).size).toBe(70 * KIB)
    await writeFile(join(path, 'files', id.slice(0, 5), 'note.txt'), 'not ours')
    expect((await listAll(vault)).map((blob) => blob.key)).toEqual([key])
  })

  it('are copied in where staging lies on another file system', async () => {
    const other = '/dev/shm'
    if (!existsSync(other) || statSync(other).dev === statSync(tmpdir()).dev) {
      process.stdout.write('skipped: no second file system\n')
      return
    }
    const staging = await mkdtemp(join(other, 'concord-staging-'))
    const vault = await openVault()
    const bytes = randomBytes(300 * KIB)
    const key = keyOf((await vault.put([await stagedBlob(staging, bytes)]))[0])
    expect(await readAll(vault, key)).toEqual(bytes)
    expect(await readdir(staging)).toEqual([])
    await rm(staging, { recursive: true })
  })
})

describe('opening a folder', () => {
  it('deletes what a crash left in staging, and nothing else there', async () => {
    const staging = join(path, 'uploads')
    await mkdir(staging)
    for (const name of ['a.part', 'b.part', 'notes.txt']) await writeFile(join(staging, name), 'x')
    const vault = await openVault({ stagingPath: staging })
    expect(await readdir(staging)).toEqual(['notes.txt'])
    await vault.check()
  })

  it('refuses a path that is no directory', async () => {
    const file = join(path, 'file')
    await writeFile(file, 'x')
    await expect(openFolderBlobs({ path: file })).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/ENOTDIR|EEXIST/) as string,
    })
  })
})

describe('a folder on a disk', () => {
  it('that is full refuses what does not fit, keeps what it has, and goes on when there is room', () => {
    const script = 'mount -t tmpfs -o size=2m none "$1" && exec "$2" "$3" fill "$1"'
    const run = spawnSync('unshare', ['-rm', 'sh', '-ec', script, 'sh', path, process.execPath, CHILD])
    if (run.error ?? /not permitted|denied/.test(run.stderr.toString())) {
      process.stdout.write('skipped: may not mount a small disk\n')
      return
    }
    const said = JSON.parse(run.stdout.toString().trim().split('\n').at(-1)!) as Record<string, unknown>
    expect(said).toEqual({ kept: expect.any(Number) as number, isWhole: true, problems: ['A blob was not written: the disk is full.'] }) // prettier-ignore
    expect(said['kept']).toBeGreaterThan(10)
  })

  it('with more readers than files may be open says so and recovers', () => {
    const script = 'ulimit -n 60; exec "$1" "$2" many "$3"'
    const run = spawnSync('sh', ['-ec', script, 'sh', process.execPath, CHILD, path])
    const said = run.stdout.toString().trim().split('\n').at(-1)!
    const problems = ['A blob cannot be read: this process has too many files open.']
    expect(JSON.parse(said)).toEqual({ isWhole: true, problems })
  })
})
