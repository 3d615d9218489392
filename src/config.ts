import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Mark, SETTINGS, type Settings } from './config-settings.ts'
import { isLoopback, isWildcard } from './config-shapes.ts'
import { readTokens } from './config-tokens.ts'

/** `sysexits.h` EX_CONFIG: the process ends with it when a setting is wrong. */
export const EXIT_CONFIG = 78

const HOUR_MS = 3_600_000

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
      const secret = readFileSync(file, 'utf8').trim()
      // As if it were not set would let everybody in.
      if (secret === '') faults.push(`${name}_FILE names a file that is empty.`)
      else given[name] = secret
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
