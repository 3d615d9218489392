import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { SETTINGS } from '../src/config-settings.ts'
import { type Config, readConfig } from '../src/config.ts'

const TOKEN = '0123456789abcdef0123456789abcdef'
const NO_ORIGIN = 'CORS_ORIGINS must be origins such as https://viewer.example.org, with commas between.'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

function madeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'concord-config-'))
  folders.push(folder)
  return folder
}

function config(environment: NodeJS.ProcessEnv): Config {
  const read = readConfig(environment)
  if ('faults' in read) throw new Error(read.faults.join('\n'))
  return read
}

function faults(environment: NodeJS.ProcessEnv): readonly string[] {
  const read = readConfig(environment)
  return 'faults' in read ? read.faults : []
}

describe('settings', () => {
  it('need nothing: everything embedded, for this machine alone', () => {
    expect(config({})).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      access: 'local',
      allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
      corsOrigins: [],
      database: { kind: 'sqlite', path: resolve('data/index.db') },
      blobs: { kind: 'folder', path: resolve('data/blobs') },
      spoolDir: resolve('data/spool'),
      fhir: undefined,
      search: { limit: 1000, limitMax: 5000, emptyIs204: false },
    })
  })

  it('take an empty variable as not set', () => {
    expect(config(Object.fromEntries(Object.keys(SETTINGS.shape).map((name) => [name, ''])))).toEqual(
      config({}),
    )
  })

  it('put the data where DATA_DIR says', () => {
    const { database, blobs, spoolDir } = config({ DATA_DIR: '/srv/concord' })
    expect([database, blobs, spoolDir]).toEqual([
      { kind: 'sqlite', path: '/srv/concord/index.db' },
      { kind: 'folder', path: '/srv/concord/blobs' },
      '/srv/concord/spool',
    ])
  })

  it('take a file of private elements, and tell all that is wrong with it by line', () => {
    const folder = madeFolder()
    const file = (name: string, text: string | Buffer) => {
      writeFileSync(join(folder, name), text)
      return { PRIVATE_DICTIONARY: join(folder, name) }
    }
    expect(config({}).privateElements).toEqual([])
    expect(config(file('good.csv', '# ours\nACME,0019xx10,DS,Dose\n')).privateElements).toEqual([
      { creator: 'ACME', group: 0x19, element: 0x10, vr: 'DS', name: 'Dose' },
    ])
    expect(faults({ ...file('bad.csv', 'ACME,0019xx10,XX\n\nACME,0018xx10,DS\n'), PORT: 'x' })).toEqual([
      expect.stringMatching(/^PORT /),
      'PRIVATE_DICTIONARY names a file with a fault in line 1: "XX" is no VR.',
      expect.stringMatching(/^PRIVATE_DICTIONARY names a file with a fault in line 3: "0018xx10" is no /),
    ])
    expect(faults(file('worse.csv', 'x\n'.repeat(1000)))).toHaveLength(21)
    expect(faults(file('latin.csv', Buffer.from('AC\xe9,0019xx10,DS', 'latin1')))).toEqual([
      'PRIVATE_DICTIONARY names a file that is not in UTF-8.',
    ])
    expect(faults({ PRIVATE_DICTIONARY: folder })).toEqual([expect.stringContaining('is no file')])
    expect(faults({ PRIVATE_DICTIONARY: join(folder, 'none') })).toEqual([
      'PRIVATE_DICTIONARY names a file that cannot be read (ENOENT).',
    ])
  })

  it('have the FHIR server call only where it can', () => {
    const given = { FHIR_SUBSCRIBE: 'on', FHIR_URL: 'https://fhir.example.org' }
    expect(faults(given)).toEqual([
      'PUBLIC_URL must be set, because FHIR_SUBSCRIBE is on.',
      'FHIR_NOTIFY_SECRET must be set, because FHIR_SUBSCRIBE is on.',
    ])
    const rest = { PUBLIC_URL: 'https://pacs.example.org', FHIR_NOTIFY_SECRET: 'a secret of some length' }
    expect(config({ ...given, ...rest }).fhirSubscribe).toBe(true)
    expect(config({}).fhirSubscribe).toBe(false)
  })

  it('take one policy for corrections, or one by kind of change', () => {
    const policy = (CORRECTIONS?: string) =>
      config(CORRECTIONS === undefined ? {} : { CORRECTIONS }).corrections.policy
    const all = (one: string) => ({ demographics: one, identity: one, study: one, subject: one })
    expect(policy()).toEqual(all('approve'))
    expect(policy('auto')).toEqual(all('auto'))
    expect(policy('demographics=auto')).toEqual({ ...all('approve'), demographics: 'auto' })
    expect(policy('subject=approve, study=auto,off')).toEqual({
      ...{ ...all('off'), subject: 'approve', study: 'auto' },
    })
    for (const wrong of ['always', 'demographics=maybe', 'names=auto', 'auto=auto', ','])
      expect(faults({ CORRECTIONS: wrong })).toEqual(
        expect.arrayContaining([expect.stringMatching(/^CORRECTIONS must be one of approve, auto, off/u)]),
      )
  })

  it('take a private key, and say what is wrong with one without quoting it', () => {
    const given = {
      FHIR_URL: 'https://fhir.example.org',
      FHIR_TOKEN_URL: 'https://id.example.org/token',
      FHIR_CLIENT_ID: 'concord',
    }
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim()
    expect(config({ ...given, FHIR_CLIENT_KEY: key, FHIR_CLIENT_KEY_ID: 'k1' }).fhir?.oauth?.proof).toEqual({
      key,
      keyId: 'k1',
    })
    expect(faults({ ...given, FHIR_CLIENT_KEY: key, FHIR_CLIENT_SECRET: 'hush' })).toEqual([
      'FHIR_CLIENT_SECRET is set, and FHIR_CLIENT_KEY too; one of them must go.',
    ])
    expect(faults({ ...given, FHIR_CLIENT_KEY: 'secret words' })).toEqual([
      'FHIR_CLIENT_KEY must be a private key, in PEM without a passphrase or as JWK.',
    ])
  })

  it('map issuers to identifier systems, whatever is in their names', () => {
    const given = { FHIR_URL: 'https://fhir.example.org', FHIR_RECONCILE_HOURS: '6', FHIR_PROFILE: 'mado' }
    const map = 'HOSPITAL A=urn:oid:1.2.3, a=b=https://example.org/ids'
    expect(config({ ...given, FHIR_ISSUER_MAP: map }).fhir).toMatchObject({
      issuers: new Map([
        ['HOSPITAL A', 'urn:oid:1.2.3'],
        ['a=b', 'https://example.org/ids'],
      ]),
      reconcileMs: 21_600_000,
      profile: 'mado',
      onRemoteDelete: 'recreate',
      orphans: 'report',
    })
    for (const wrong of ['HOSPITAL', '=urn:oid:1.2', 'A=1.2.3', 'A=urn:oid:1.2 3'])
      expect(faults({ ...given, FHIR_ISSUER_MAP: wrong })).toEqual([
        'FHIR_ISSUER_MAP must be pairs NAME=URI with commas between.',
      ])
  })

  it('name PostgreSQL, a bucket and a FHIR server', () => {
    const read = config({
      DATABASE_URL: 'postgres://u:p@db/concord',
      BLOB_URL: 's3://archive',
      S3_ENDPOINT: 'http://objects:9000/',
      S3_ACCESS_KEY: 'key',
      S3_SECRET_KEY: 'secret',
      FHIR_URL: 'https://fhir.example.org/r5/',
      FHIR_VERSION: 'R5',
      FHIR_TOKEN_URL: 'https://id.example.org/token',
      FHIR_CLIENT_ID: 'concord',
      FHIR_CLIENT_SECRET: 'hush',
    })
    expect(read).toMatchObject({
      database: { kind: 'postgres', url: 'postgres://u:p@db/concord' },
      blobs: { kind: 's3', bucket: 'archive', endpoint: 'http://objects:9000', region: 'us-east-1' },
      fhir: {
        url: 'https://fhir.example.org/r5',
        version: 'R5',
        oauth: { clientId: 'concord', proof: { secret: 'hush' } },
      },
    })
  })

  it('read sizes with and without a unit', () => {
    const { limits } = config({ MAX_PART_BYTES: '1GiB', MAX_HEADER_BYTES: '70000', UPLOAD_MEMORY: '2MiB' })
    expect(limits).toMatchObject({ partBytes: 2 ** 30, headerBytes: 70000, uploadMemory: 2 ** 21 })
  })

  it('refuse to let other machines in without a word about who may', () => {
    expect(faults({ HOST: '0.0.0.0', PUBLIC_URL: 'http://pacs.example.org' })).toEqual([
      expect.stringMatching(/^HOST is 0\.0\.0\.0, .* Set AUTH_TOKENS, or say AUTH=none/),
    ])
    expect(faults({ HOST: '192.0.2.1' })).toHaveLength(1)
    expect(config({ HOST: '192.0.2.1', AUTH: 'none' }).access).toBe('open')
    expect(config({ HOST: '192.0.2.1', AUTH_TOKENS: `gate:write:${TOKEN}` }).access).toBe('tokens')
    for (const HOST of ['::1', 'localhost', '127.0.0.9']) expect(config({ HOST }).access).toBe('local')
  })

  it('need the public address where clients cannot use HOST', () => {
    const open = { HOST: '::', AUTH: 'none' }
    expect(faults(open)).toEqual([expect.stringContaining('PUBLIC_URL must be set')])
    expect(config({ ...open, PUBLIC_URL: 'https://pacs.example.org/concord/' })).toMatchObject({
      publicUrl: 'https://pacs.example.org/concord',
      allowedHosts: ['localhost', '127.0.0.1', '[::1]', 'pacs.example.org'],
    })
    expect(config({ ALLOWED_HOSTS: 'A.example, b.example:8443' }).allowedHosts).toEqual([
      'a.example',
      'b.example:8443',
    ])
  })

  it('take an origin as browsers send it', () => {
    expect(
      config({ CORS_ORIGINS: 'https://Viewer.Example.org:443/, http://127.0.0.1:3000' }).corsOrigins,
    ).toEqual(['https://viewer.example.org', 'http://127.0.0.1:3000'])
  })

  it('never take an empty file for nobody needing a token', () => {
    const file = join(madeFolder(), 'tokens')
    writeFileSync(file, ' \n')
    expect(faults({ AUTH_TOKENS_FILE: file })).toEqual(['AUTH_TOKENS_FILE names a file that is empty.'])
  })

  it('keep only the digest of a token', () => {
    const [viewer, gate] = config({
      AUTH_TOKENS: `viewer:read:${TOKEN}\n gate:read+write:${TOKEN}==,`,
    }).tokens
    expect(viewer).toEqual({
      name: 'viewer',
      roles: new Set(['read']),
      sha256: createHash('sha256').update(TOKEN).digest(),
    })
    expect(gate).toMatchObject({ name: 'gate', roles: new Set(['read', 'write']) })
  })

  it('read a secret from a file, and not from two places', () => {
    const folder = madeFolder()
    const file = join(folder, 'tokens')
    writeFileSync(file, `gate:write:${TOKEN}\n`)
    expect(config({ AUTH_TOKENS_FILE: file }).tokens).toHaveLength(1)
    expect(faults({ AUTH_TOKENS_FILE: file, AUTH_TOKENS: `x:read:${TOKEN}` })).toEqual([
      expect.stringContaining('one of them must go'),
    ])
    expect(faults({ FHIR_TOKEN_FILE: join(folder, 'none') })).toEqual([
      'FHIR_TOKEN_FILE names a file that cannot be read (ENOENT).',
    ])
    expect(faults({ PORT_FILE: file })).toEqual([])
  })

  it.each([
    [{ PORT: '80a' }, 'PORT must be a whole number from 0 to 65535.'],
    [{ PORT: '65536' }, 'PORT must be a whole number from 0 to 65535.'],
    [{ HOST: 'a b' }, 'HOST must be an IP address or a host name.'],
    [
      { PUBLIC_URL: 'pacs.example.org' },
      'PUBLIC_URL must be an address that begins with http:// or https://.',
    ],
    [{ PUBLIC_URL: 'http://h/?a=b' }, 'PUBLIC_URL must have neither query nor fragment.'],
    [
      { VIEWER_URL: 'javascript:alert({study})' },
      'VIEWER_URL must be an address that begins with http:// or https:// and has {study} where the StudyInstanceUID goes.',
    ],
    [
      { VIEWER_URL: 'https://viewer.example.org/viewer' },
      'VIEWER_URL must be an address that begins with http:// or https:// and has {study} where the StudyInstanceUID goes.',
    ],
    [
      { FHIR_URL: 'http://u:hush@h/' },
      'FHIR_URL must not have a password in it; there are settings of their own for that.',
    ],
    [{ DATABASE_URL: 'mysql://hush' }, 'DATABASE_URL must begin with sqlite: or postgres://.'],
    [{ BLOB_URL: 's3://X' }, 'BLOB_URL must be file: and a folder, or s3:// and the name of a bucket.'],
    [
      { BLOB_URL: 's3://bucket', S3_ENDPOINT: 'http://h', S3_ACCESS_KEY: 'k' },
      'S3_SECRET_KEY must be set, because BLOB_URL is a bucket.',
    ],
    [{ FHIR_VERSION: 'STU3' }, 'FHIR_VERSION must be one of R4, R4B, R5.'],
    [
      { FHIR_CLIENT_ID: 'x' },
      'FHIR_TOKEN_URL, FHIR_CLIENT_ID and FHIR_CLIENT_SECRET or FHIR_CLIENT_KEY must be set together.',
    ],
    [
      { MAX_PART_BYTES: '1TB' },
      'MAX_PART_BYTES must be a number of bytes, or one with KiB, MiB or GiB behind it.',
    ],
    [{ QIDO_LIMIT: '6000' }, 'QIDO_LIMIT must not be more than QIDO_LIMIT_MAX.'],
    [
      { SITE_TIMEZONE: 'Europe/Atlantis' },
      'SITE_TIMEZONE must be the name of a time zone, e.g. Europe/Berlin.',
    ],
    [
      { AUTH: 'none', AUTH_TOKENS: `a:read:${TOKEN}` },
      'AUTH is none, and AUTH_TOKENS is set too; one of them must go.',
    ],
    [
      { AUTH_TOKENS: `a:root:${TOKEN}` },
      'AUTH_TOKENS, entry 1, has a role that is none of read, write, admin.',
    ],
    [{ AUTH_TOKENS: `a:read:${TOKEN},a:write:${TOKEN}` }, 'AUTH_TOKENS has one name twice.'],
    [{ HOST: '192.0.2.1', AUTH_TOKENS: ' ,\n' }, 'AUTH_TOKENS is set, and has no token in it.'],
    [{ CORS_ORIGINS: '*' }, NO_ORIGIN],
    [{ CORS_ORIGINS: 'viewer.example.org' }, NO_ORIGIN],
    [{ CORS_ORIGINS: 'https://viewer.example.org/path' }, NO_ORIGIN],
    [{ CORS_ORIGINS: 'https://a:b@viewer.example.org' }, NO_ORIGIN],
  ])('say what is wrong in one sentence: %j', (environment, sentence) => {
    expect(faults(environment)).toEqual([sentence])
  })

  it('tell every fault at once, and no secret', () => {
    const told = faults({
      PORT: 'x',
      QIDO_LIMIT_MAX: 'many',
      QIDO_LIMIT: '9999',
      AUTH_TOKENS: 'a:read:hush-hush',
      BLOB_URL: 's3://bucket',
      FHIR_TOKEN: 'hush',
      FHIR_TOKEN_URL: 'nowhere',
    })
    expect(told.map((text) => text.split(/[ ,]/)[0])).toEqual([
      'PORT',
      'FHIR_TOKEN_URL',
      'QIDO_LIMIT_MAX',
      'AUTH_TOKENS',
      'S3_ENDPOINT',
      'S3_ACCESS_KEY',
      'S3_SECRET_KEY',
    ])
    expect(told.join()).not.toContain('hush')
  })

  it('say in the table what each one means', () => {
    const vague = Object.entries(SETTINGS.shape).filter(
      ([, schema]) => (schema.meta()?.description ?? '').length < 10,
    )
    expect(vague.map(([name]) => name)).toEqual([])
  })
})
