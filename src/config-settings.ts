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
  issuerMap,
  oneOf,
  origins,
  privateDictionary,
  timeZone,
  viewerUrl,
  webUrl,
  wholeNumber,
  words,
} from './config-shapes.ts'

/** What is said of a setting beside its schema and its meaning. */
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
  CORS_ORIGINS: setting(origins, [], 'origins of viewers that may call from a browser, comma-separated, e.g. `https://viewer.example.org`', { shown: 'none' }),
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
  FHIR_PATIENTS: setting(oneOf('create', 'reference'), 'create', 'where it has no Patient of a study, by its Patient ID or an Other Patient ID with an issuer of its own: `create` one, or `reference` it by identifier'),
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
  SITE_TIMEZONE: optional(timeZone, 'time zone of dates and times that name none, for what FHIR is told, e.g. `Europe/Berlin`'),
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

/** The settings as they were given, read one by one. */
export type Settings = z.output<typeof SETTINGS>
