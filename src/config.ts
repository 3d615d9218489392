import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import {
  GIB,
  KIB,
  MIB,
  blobUrl,
  byteCount,
  clientKey,
  corrections,
  databaseUrl,
  host,
  isLoopback,
  issuerMap,
  isWildcard,
  oneOf,
  privateDictionary,
  timeZone,
  viewerUrl,
  webUrl,
  wholeNumber,
  words,
} from './config-shapes.ts'
import { readTokens } from './config-tokens.ts'

/** `sysexits.h` EX_CONFIG: the process ends with it when a setting is wrong. */
export const EXIT_CONFIG = 78

const HOUR_MS = 3_600_000

export interface Mark {
  /** Read from the file named by `<NAME>_FILE` as well; never printed. */
  readonly secret?: true
  /** How the table shows a default that is computed, or is better read otherwise. */
  readonly shown?: string
}

const setting = <T extends z.ZodType<unknown, string>>(
  schema: T,
  standard: z.output<T>,
  meaning: string,
  mark: Mark = {},
) =>
  schema
    .optional()
    .transform((value): z.output<T> => value ?? standard)
    .meta({ description: meaning, shown: `\`${String(standard)}\``, ...mark })
const optional = <T extends z.ZodType<unknown, string>>(schema: T, meaning: string, mark: Mark = {}) =>
  schema.optional().meta({ description: meaning, shown: 'none', ...mark })

/** Every setting: what it may be, what it is when it is not set or empty, and what it means. The README's table is made of this. */
// prettier-ignore
export const SETTINGS = z.object({
  HOST: setting(host, '127.0.0.1', 'address to listen on; one that is not loopback needs `AUTH_TOKENS`, or `AUTH=none` said aloud'),
  PORT: setting(wholeNumber(0, 65_535), 8080, 'port to listen on; 0 takes one that is free'),
  PUBLIC_URL: optional(webUrl, 'how clients reach this service, with a path prefix where a proxy adds one: the base of every URL in an answer; required with a wildcard `HOST`', { shown: '`http://HOST:PORT`' }),
  ALLOWED_HOSTS: optional(words, 'Host headers that are answered, comma-separated: `name` or `name:port`; others get 421', { shown: 'those of `HOST` and `PUBLIC_URL`' }),
  CORS_ORIGINS: setting(words, [], 'origins of viewers that may call from a browser, comma-separated, e.g. `https://viewer.example.org`', { shown: 'none' }),
  VIEWER_URL: optional(viewerUrl, 'a viewer that the console opens studies in, `{study}` for the StudyInstanceUID; OHIF: `https://viewer.example.org/viewer?StudyInstanceUIDs={study}`'),
  DATA_DIR: setting(z.string(), './data', 'folder of everything embedded'),
  SPOOL_DIR: optional(z.string(), 'folder where large uploads are staged: a disk, not memory; best on the file system of the blobs', { shown: '`DATA_DIR/spool`' }),
  DATABASE_URL: optional(databaseUrl, 'the index: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE`', { shown: '`sqlite:DATA_DIR/index.db`', secret: true }),
  BLOB_URL: optional(blobUrl, 'the bytes: `file:FOLDER`, or `s3://BUCKET`', { shown: '`file:DATA_DIR/blobs`' }),
  S3_ENDPOINT: optional(webUrl, 'address of the S3 server, MinIO or any other'),
  S3_ACCESS_KEY: optional(z.string(), 'access key there'),
  S3_SECRET_KEY: optional(z.string(), 'secret key there', { secret: true }),
  S3_REGION: setting(z.string(), 'us-east-1', 'region of the bucket'),
  FHIR_URL: optional(webUrl, 'base of the FHIR server that is told of the studies; without it what is owed is kept, and said'),
  FHIR_VERSION: setting(oneOf('R4', 'R4B', 'R5'), 'R4', 'its release: `R4`, `R4B` or `R5`; checked against its CapabilityStatement'),
  FHIR_TOKEN: optional(z.string(), 'bearer token for it', { secret: true }),
  FHIR_TOKEN_URL: optional(webUrl, 'or OAuth2 client credentials: the token endpoint'),
  FHIR_CLIENT_ID: optional(z.string(), 'client id there'),
  FHIR_CLIENT_SECRET: optional(z.string(), 'client secret there', { secret: true }),
  FHIR_CLIENT_KEY: optional(clientKey, 'or a private key instead (SMART backend services): RSA or P-384, PEM or JWK', { secret: true }),
  FHIR_CLIENT_KEY_ID: optional(z.string(), 'its `kid`, where the server wants one'),
  FHIR_SCOPE: optional(z.string(), 'scope to ask for there'),
  FHIR_QUIET_MS: setting(wholeNumber(0, 86_400_000), 5000, 'a study is pushed when nothing has come for it in so many milliseconds'),
  FHIR_MAX_WAIT_MS: setting(wholeNumber(0, 86_400_000), 60_000, 'and after so many at the latest'),
  FHIR_PATIENTS: setting(oneOf('create', 'reference'), 'create', 'where it has no Patient of a study: `create` one, or `reference` it by identifier'),
  FHIR_CONFLICT: setting(oneOf('flag', 'hold'), 'flag', 'a study that names two patients: pushed with a logical subject (`flag`), or held until released (`hold`)'),
  FHIR_HAND_EDITS: setting(oneOf('repair', 'respect'), 'repair', 'our elements that somebody edited there: `repair`, or `respect`; noted either way'),
  FHIR_ON_REMOTE_DELETE: setting(oneOf('recreate', 'respect'), 'recreate', 'an ImagingStudy of ours that somebody deleted there: `recreate` it, or `respect` that; noted either way'),
  FHIR_ORPHANS: setting(oneOf('report', 'cancel'), 'report', 'an ImagingStudy of ours whose study is not in the index: `report` it, or set it to `cancelled`; noted either way'),
  FHIR_RECONCILE_HOURS: setting(wholeNumber(0, 8760), 24, 'all that was pushed is compared with what is there after so many hours; 0: only on request'),
  FHIR_INSTANCE_DETAIL: setting(oneOf('auto', 'always', 'never'), 'auto', 'whether ImagingStudy lists instances; `auto`: up to 5,000 a study'),
  FHIR_PROFILE: setting(oneOf('core', 'mado', 'smart'), 'core', 'whose wishes are met beyond FHIR itself: IHE MADO (`mado`), SMART Imaging Access (`smart`)'),
  FHIR_ISSUER_MAP: setting(issuerMap, new Map<string, string>(), 'identifier systems of issuers that are plain names, comma-separated: `NAME=URI`, e.g. `HOSPITAL A=urn:oid:1.2.3`', { shown: 'none' }),
  FHIR_ACCESSION_ISSUER: optional(z.string(), 'issuer of accession numbers that name none: a URI, or a name in `FHIR_ISSUER_MAP`'),
  FHIR_POLL_MS: setting(wholeNumber(1000, 86_400_000), 60_000, 'its Patients are looked at for changes after so many milliseconds, and when it calls `POST /fhir/notify`'),
  FHIR_NOTIFY_SECRET: optional(z.string().min(16, 'must have 16 characters or more'), 'what the header `X-Notify-Secret` of that call must hold; without it there is no such address', { secret: true }),
  FHIR_SUBSCRIBE: setting(oneOf('off', 'on'), 'off', '`on`: Subscriptions are kept there that make that call when a Patient or an ImagingStudy changes, needs `PUBLIC_URL`; `off` takes them away'),
  CORRECTIONS: setting(corrections, corrections.parse('approve'), 'corrections of what instances say: each waits for an administrator (`approve`), is carried out at once (`auto`), or none is made (`off`); by kind too, `approve, demographics=auto`: `demographics` of the patient (name, birth date, sex), `identity` (another Patient ID, a merge, a part of a study that is of another patient), `study` (accession number and the like), `subject` (the ImagingStudy was given another Patient); of several kinds the most careful counts', { shown: '`approve`' }),
  REJECTION_NOTE: setting(oneOf('identity', 'always', 'never'), 'identity', 'a correction adds a rejection note (IOCM) for the originals: where they named another patient (`identity`), `always`, or `never`'),
  DELETION: setting(oneOf('off', 'on'), 'off', '`on`: administrators may delete studies, series and instances over DICOMweb'),
  AUTH: setting(oneOf('tokens', 'none'), 'tokens', '`none` lets everybody in as administrator, whatever `HOST` is: for trials'),
  AUTH_TOKENS: setting(z.string(), '', 'who may come in: `name:role+role:token`, comma-separated or one a line; roles `read`, `write`, `admin` (all three); a token has 24 characters or more, e.g. from `openssl rand -hex 32`', { shown: 'none', secret: true }),
  SITE_TIMEZONE: optional(timeZone, 'time zone of dates and times that name none, e.g. `Europe/Berlin`'),
  DEFAULT_ISSUER: optional(z.string(), 'issuer of Patient IDs that name none'),
  PRIVATE_DICTIONARY: optional(privateDictionary, 'CSV file that says what private elements mean, before those that are known: `creator,element,VR,name` a line, e.g. `ACME 1.1,0019xx10,DS,ScanDose`; of what is stored already from the next `npm run reindex` on'),
  LOG_LEVEL: setting(oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), 'info', 'what is logged: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`'),
  MAX_REQUEST_BYTES: setting(byteCount, 16 * GIB, 'length of an upload', { shown: '`16GiB`' }),
  MAX_PART_BYTES: setting(byteCount, 8 * GIB, 'length of each instance in it, also when inflated', { shown: '`8GiB`' }),
  MAX_HEADER_BYTES: setting(byteCount, 256 * MIB, 'of that, everything but pixel data', { shown: '`256MiB`' }),
  MAX_PARTS: setting(wholeNumber(1, 1_000_000), 10_000, 'instances in one upload'),
  MAX_UPLOADS: setting(wholeNumber(1, 10_000), 256, 'uploads at one time; one more gets 503'),
  UPLOAD_MEMORY: setting(byteCount, 128 * MIB, 'memory of all uploads together; what does not fit goes through `SPOOL_DIR`', { shown: '`128MiB`' }),
  MIN_UPLOAD_RATE: setting(byteCount, KIB, 'bytes a second; an upload that is slower for half a minute is ended with 408', { shown: '`1KiB`' }),
  QIDO_LIMIT: setting(wholeNumber(1, 1_000_000), 1000, 'rows of a search outside a study when the client names no limit'),
  QIDO_LIMIT_MAX: setting(wholeNumber(1, 1_000_000), 5000, 'and at most'),
  QIDO_BUDGET_MS: setting(wholeNumber(0, 600_000), 10_000, 'milliseconds for which a search outside a study looks at data sets where the index alone cannot tell; then its answer is cut, with a warning and a link that goes on from there, and a count is refused with 413'),
  QIDO_EMPTY: setting(oneOf('200', '204'), '200', 'answer to a search without hits: `200` with `[]`, or `204` for old clients'),
})

type Settings = z.output<typeof SETTINGS>

/** Settings as `main.ts` uses them. Paths are absolute, sizes bytes, times milliseconds. */
export type Config = ReturnType<typeof toConfig>

/**
 * Reads the settings from an environment. Every fault is told at once, one sentence each that begins with the name of
 * the setting and never has a secret in it.
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config | { readonly faults: readonly string[] } {
  const faults: string[] = []
  const given = withSecretFiles(environment, faults)
  const parsed = SETTINGS.safeParse(given)
  const wrong = new Set(parsed.error?.issues.map((issue) => String(issue.path[0])))
  faults.push(...(parsed.error?.issues ?? []).map((issue) => `${String(issue.path[0])} ${issue.message}.`))
  // The others are looked at as if those were not set, so that everything is told at once.
  const settings =
    parsed.data ??
    SETTINGS.parse(Object.fromEntries(Object.entries(given).filter(([name]) => !wrong.has(name))))
  const tokens = readTokens(settings.AUTH_TOKENS, faults)
  const mentionsWrong = (text: string) => text.match(/[A-Z_]{2,}/g)?.some((name) => wrong.has(name))
  faults.push(...contradictions(settings, tokens).filter((text) => !mentionsWrong(text)))
  return faults.length > 0 ? { faults } : toConfig(settings, tokens)
}

/** The settings that are not empty; secrets also from the files that `<NAME>_FILE` names. */
function withSecretFiles(environment: NodeJS.ProcessEnv, faults: string[]): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [name, schema] of Object.entries(SETTINGS.shape)) {
    const value = environment[name]
    if (value !== undefined && value !== '') given[name] = value
    const file = environment[`${name}_FILE`]
    if (!(schema.meta() as Mark).secret || file === undefined || file === '') continue
    if (name in given) faults.push(`${name} is set, and ${name}_FILE too; one of them must go.`)
    try {
      given[name] = readFileSync(file, 'utf8').trim()
    } catch (error) {
      faults.push(
        `${name}_FILE names a file that cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`,
      )
    }
  }
  return given
}

function contradictions(settings: Settings, tokens: readonly unknown[]): string[] {
  const { HOST, BLOB_URL } = settings
  const faults: string[] = []
  const says = (fault: boolean, text: string) => fault && faults.push(text)
  says(
    !isLoopback(HOST) && settings.AUTH !== 'none' && settings.AUTH_TOKENS === '',
    `HOST is ${HOST}, which other machines can reach, and nobody needs a token. Set AUTH_TOKENS, or say AUTH=none if that is what you want.`,
  )
  says(
    settings.AUTH === 'none' && tokens.length > 0,
    'AUTH is none, and AUTH_TOKENS is set too; one of them must go.',
  )
  says(
    isWildcard(HOST) && settings.PUBLIC_URL === undefined,
    `PUBLIC_URL must be set, because HOST is ${HOST} and no client can use that as an address.`,
  )
  says(settings.QIDO_LIMIT > settings.QIDO_LIMIT_MAX, 'QIDO_LIMIT must not be more than QIDO_LIMIT_MAX.')
  says(
    settings.MAX_PART_BYTES > settings.MAX_REQUEST_BYTES,
    'MAX_PART_BYTES must not be more than MAX_REQUEST_BYTES.',
  )
  says(
    settings.MAX_HEADER_BYTES > settings.MAX_PART_BYTES,
    'MAX_HEADER_BYTES must not be more than MAX_PART_BYTES.',
  )
  says(
    settings.FHIR_QUIET_MS > settings.FHIR_MAX_WAIT_MS,
    'FHIR_QUIET_MS must not be more than FHIR_MAX_WAIT_MS.',
  )
  if (settings.FHIR_SUBSCRIBE === 'on') {
    for (const name of ['FHIR_URL', 'PUBLIC_URL', 'FHIR_NOTIFY_SECRET'] as const) {
      says(settings[name] === undefined, `${name} must be set, because FHIR_SUBSCRIBE is on.`)
    }
  }
  if (BLOB_URL?.startsWith('s3:')) {
    for (const name of ['S3_ENDPOINT', 'S3_ACCESS_KEY', 'S3_SECRET_KEY'] as const) {
      says(settings[name] === undefined, `${name} must be set, because BLOB_URL is a bucket.`)
    }
  }
  const proofs = [settings.FHIR_CLIENT_SECRET, settings.FHIR_CLIENT_KEY].filter((one) => one !== undefined)
  const oauth = [settings.FHIR_TOKEN_URL, settings.FHIR_CLIENT_ID, proofs[0]]
  const some = oauth.some((value) => value !== undefined)
  says(
    some && oauth.includes(undefined),
    'FHIR_TOKEN_URL, FHIR_CLIENT_ID and FHIR_CLIENT_SECRET or FHIR_CLIENT_KEY must be set together.',
  )
  says(proofs.length > 1, 'FHIR_CLIENT_SECRET is set, and FHIR_CLIENT_KEY too; one of them must go.')
  says(
    some && settings.FHIR_TOKEN !== undefined,
    'FHIR_TOKEN is set, and client credentials too; one of them must go.',
  )
  return faults
}

function toConfig(settings: Settings, tokens: ReturnType<typeof readTokens>) {
  const dataDir = resolve(settings.DATA_DIR)
  const { DATABASE_URL = `sqlite:${resolve(dataDir, 'index.db')}` } = settings
  return {
    host: settings.HOST,
    port: settings.PORT,
    /** Without a slash at its end; undefined: made of `host` and the port that was got. */
    publicUrl: settings.PUBLIC_URL,
    allowedHosts: settings.ALLOWED_HOSTS?.map((name) => name.toLowerCase()) ?? ownHosts(settings),
    corsOrigins: settings.CORS_ORIGINS,
    viewerUrl: settings.VIEWER_URL,
    /** `open`: everybody is administrator because of `AUTH=none`; `local`: because only this machine can come in. */
    access:
      tokens.length > 0
        ? ('tokens' as const)
        : settings.AUTH === 'none'
          ? ('open' as const)
          : ('local' as const),
    tokens,
    dataDir,
    spoolDir: resolve(settings.SPOOL_DIR ?? resolve(dataDir, 'spool')),
    database: DATABASE_URL.startsWith('sqlite:')
      ? { kind: 'sqlite' as const, path: resolve(DATABASE_URL.slice('sqlite:'.length)) }
      : { kind: 'postgres' as const, url: DATABASE_URL },
    blobs: blobsOf(settings, dataDir),
    fhir: settings.FHIR_URL === undefined ? undefined : { url: settings.FHIR_URL, ...fhirAccessOf(settings) },
    fhirQuietMs: settings.FHIR_QUIET_MS,
    fhirMaxWaitMs: settings.FHIR_MAX_WAIT_MS,
    fhirPollMs: settings.FHIR_POLL_MS,
    fhirNotifySecret: settings.FHIR_NOTIFY_SECRET,
    fhirSubscribe: settings.FHIR_SUBSCRIBE === 'on',
    siteTimezone: settings.SITE_TIMEZONE,
    defaultIssuer: settings.DEFAULT_ISSUER,
    privateElements: settings.PRIVATE_DICTIONARY ?? [],
    logLevel: settings.LOG_LEVEL,
    limits: {
      requestBytes: settings.MAX_REQUEST_BYTES,
      partBytes: settings.MAX_PART_BYTES,
      headerBytes: settings.MAX_HEADER_BYTES,
      parts: settings.MAX_PARTS,
      uploads: settings.MAX_UPLOADS,
      uploadMemory: settings.UPLOAD_MEMORY,
      uploadRate: settings.MIN_UPLOAD_RATE,
    },
    deletion: settings.DELETION === 'on',
    corrections: { policy: settings.CORRECTIONS, note: settings.REJECTION_NOTE },
    search: {
      limit: settings.QIDO_LIMIT,
      limitMax: settings.QIDO_LIMIT_MAX,
      budgetMs: settings.QIDO_BUDGET_MS,
      emptyIs204: settings.QIDO_EMPTY === '204',
    },
  }
}

function blobsOf(settings: Settings, dataDir: string) {
  const { BLOB_URL = `file:${resolve(dataDir, 'blobs')}`, S3_REGION: region } = settings
  const {
    S3_ENDPOINT: endpoint = '',
    S3_ACCESS_KEY: accessKey = '',
    S3_SECRET_KEY: secretKey = '',
  } = settings
  const [, bucket] = /^s3:\/\/([^/]+)/.exec(BLOB_URL) ?? []
  if (bucket !== undefined) return { kind: 's3' as const, bucket, endpoint, accessKey, secretKey, region }
  return { kind: 'folder' as const, path: resolve(BLOB_URL.slice('file:'.length)) }
}

function fhirAccessOf(settings: Settings) {
  const { FHIR_VERSION: version, FHIR_TOKEN: token, FHIR_SCOPE: scope } = settings
  const { FHIR_CONFLICT: conflict, FHIR_HAND_EDITS: handEdits, FHIR_PATIENTS: patients } = settings
  const { FHIR_TOKEN_URL: tokenUrl, FHIR_CLIENT_ID: clientId } = settings
  const more = {
    onRemoteDelete: settings.FHIR_ON_REMOTE_DELETE,
    orphans: settings.FHIR_ORPHANS,
    reconcileMs: settings.FHIR_RECONCILE_HOURS * HOUR_MS,
    instanceDetail: settings.FHIR_INSTANCE_DETAIL,
    profile: settings.FHIR_PROFILE,
    issuers: settings.FHIR_ISSUER_MAP,
    accessionIssuer: settings.FHIR_ACCESSION_ISSUER,
  }
  const proof = proofOf(settings)
  const oauth =
    tokenUrl !== undefined && clientId !== undefined && proof !== undefined
      ? { tokenUrl, clientId, proof, scope }
      : undefined
  return { version, conflict, handEdits, patients, token, oauth, ...more }
}

function proofOf({ FHIR_CLIENT_SECRET: secret, FHIR_CLIENT_KEY: key, FHIR_CLIENT_KEY_ID: keyId }: Settings) {
  if (key !== undefined) return { key, keyId } as const
  return secret === undefined ? undefined : ({ secret } as const)
}

/** Names under which the service may be called; those of loopback stand for each other. */
function ownHosts({ HOST, PUBLIC_URL }: Settings): string[] {
  const hosts = isWildcard(HOST) || isLoopback(HOST) ? ['localhost', '127.0.0.1', '[::1]'] : []
  if (!isWildcard(HOST)) hosts.push(bracketed(HOST).toLowerCase())
  if (PUBLIC_URL !== undefined) hosts.push(new URL(PUBLIC_URL).hostname)
  return [...new Set(hosts)]
}

/** The host as it stands in a URL and in a Host header. */
export function bracketed(name: string): string {
  return name.includes(':') ? `[${name}]` : name
}
