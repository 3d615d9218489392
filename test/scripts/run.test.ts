/** The guard that every script enters through: what it says, and the status that tells it from what a program says itself. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

async function run(source: string): Promise<{ status: number | null; stderr: string; stdout: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'concord-run-'))
  try {
    const program = join(folder, 'program.ts')
    await writeFile(program, source)
    return guard(program)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function guard(...args: readonly string[]) {
  const guardFile = join(import.meta.dirname, '../../scripts/run.cjs')
  return spawnSync(process.execPath, [guardFile, ...args], { encoding: 'utf8' })
}

it.each([
  ['ends by itself', `process.stdout.write('done')`, 0],
  ['has findings', `process.exitCode = 1`, 1],
  ['could not do it', `process.exit(2)`, 2],
])('a program that %s has its own status', async (_what, source, status) => {
  const result = await run(source)
  expect([result.status, result.stderr]).toEqual([status, ''])
})

it.each([
  ['cannot be parsed', 'const = 1', /Expression expected|SyntaxError/],
  ['imports what a module does not give', `import { nothing } from 'node:fs'\nnothing()`, /nothing/],
  ['throws', `throw new Error('a fault of ours')`, /a fault of ours[^]*program\.ts/],
  ['throws later', `setTimeout(() => { throw new Error('a late fault') }, 1)`, /a late fault/],
  ['rejects unheard', `void Promise.reject(new Error('an unheard fault'))`, /an unheard fault/],
])('one that %s ends with 70, never as if it had findings', async (_what, source, said) => {
  const result = await run(source)
  expect(result.stderr).toMatch(said)
  expect(result.status).toBe(70)
})

it('one that is not there, or has a package missing, is told in one line with 78', async () => {
  const missing = guard('scripts/no-such.ts')
  expect([missing.status, missing.stderr]).toEqual([
    78,
    expect.stringMatching(/^concord: there is no .*no-such\.ts\.\n$/),
  ])
  const none = guard()
  expect([none.status, none.stderr]).toEqual([78, expect.stringMatching(/^concord: no program named.*\n$/)])
  const without = await run(`import 'no-such-package'`)
  expect([without.status, without.stderr]).toEqual([
    78,
    expect.stringMatching(/^concord: .*no-such-package.*\n$/),
  ])
})
