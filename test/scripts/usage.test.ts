/** What a person sees who mistypes: one clear line, no stack trace, and a status that is never taken for findings. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runToEnd } from '../../scripts/running-service.ts'

const ROOT = join(import.meta.dirname, '../..')

describe('a command with a mistake', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'concord-usage-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it.each([
    ['import', ['/no/such/folder'], /^import: There is no \/no\/such\/folder\.\n$/],
    ['import', [], /^error: missing required argument 'path'\n$/],
    [
      'import',
      ['--url', 'http://127.0.0.1:1/dicomweb', import.meta.filename],
      /^import: .*ECONNREFUSED.*\n$/,
    ],
    ['import', ['--url', 'nonsense', import.meta.filename], /^import: --url must be .*http:\/\/.*\n$/],
    ['verify', [], /^verify: There is no blob folder .*\n$/],
    ['verify', ['--bogus'], /^error: unknown option '--bogus'\n$/],
    ['repair', [], /^repair: There is no blob folder .*\n$/],
    ['questions', [], /^error: missing required argument 'folder'\n$/],
    ['oracle', ['--queries', 'many'], /^error: option '--queries <count>' .*whole number.*\n$/],
    ['migrate', ['mysql://x'], /^migrate: The URL begins with neither sqlite: nor postgres:\.\n$/],
  ] as const)('%s %j', async (script, args, said) => {
    const env = { DATA_DIR: join(folder, 'none'), DATABASE_URL: '', BLOB_URL: '', PORT: '1' }
    expect(await runToEnd(`scripts/${script}.ts`, args, env)).toEqual({
      status: 2,
      output: expect.stringMatching(said) as string,
    })
  })

  it('migrate without an address means the one of the settings', async () => {
    const DATABASE_URL = `sqlite:${join(folder, 'index.db')}`
    expect(await runToEnd('scripts/migrate.ts', [], { DATABASE_URL })).toEqual({
      status: 0,
      output: expect.stringMatching(/^The schema is up to date\. Archive .*, sqlite\.\n$/) as string,
    })
  })
})

it('the image has every file that its commands are made of', async () => {
  const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8')
  const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, names = '']) =>
    names.split(' '),
  )
  const isCopied = (path: string): boolean =>
    copied.some((name) =>
      name.includes('*') ? dirname(name) === dirname(path) : path === name || path.startsWith(`${name}/`),
    )
  const open = ['src/main.ts', 'scripts/run.cjs', 'scripts/health.cjs'].concat(
    ['import', 'verify', 'repair', 'reindex', 'migrate'].map((name) => `scripts/${name}.ts`),
  )
  const seen = new Set<string>()
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue
    seen.add(path)
    const source = await readFile(join(ROOT, path), 'utf8')
    for (const [, name = ''] of source.matchAll(/ from '(\.{1,2}\/[^']+)'/g))
      open.push(join(dirname(path), name))
  }
  expect([...seen].filter((path) => !isCopied(path))).toEqual([])
  expect(seen.size).toBeGreaterThan(100)
})
