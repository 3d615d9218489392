import type { RouteFact } from './routes.ts'
import { DICOMWEB } from './settings.ts'
import { ACCEPT_POST } from './stow-request.ts'

/** What is said of a route beside what its path says. */
export interface Description {
  readonly summary: string
  /** Statuses beside 401 and 403, which follow from the role. */
  readonly statuses: readonly number[]
  /** Media types of the answer; none: it has no body. */
  readonly answers?: readonly string[]
  /** Media types of the request's body. */
  readonly takes?: readonly string[]
  readonly query?: readonly string[]
}

export const JSON_TYPE = 'application/json'
const DICOM_JSON = 'application/dicom+json'
const MULTIPART = 'multipart/related'
type Kind = Omit<Description, 'summary'>
const MATCHING = ['fuzzymatching', 'emptyvaluematching', 'multiplevaluematching', 'includeSuperseded']
const SEARCH: Kind = {
  statuses: [200, 204, 400, 406],
  answers: [DICOM_JSON, 'multipart/related; type="application/dicom+xml"'],
  query: [...MATCHING, ...['includefield', 'orderby', 'limit', 'offset', 'after', 'total', 'accept']],
}
const STATE: Kind = { statuses: [200], answers: [JSON_TYPE] }
const COUNT: Kind = { statuses: [200, 400, 413], answers: [JSON_TYPE], query: MATCHING }
const STORE: Kind = {
  statuses: [200, 202, 400, 406, 408, 409, 413, 415, 503],
  answers: [DICOM_JSON, 'application/dicom+xml'],
  takes: ACCEPT_POST.split(', '),
  query: ['accept'],
}
const RETRIEVE: Kind = {
  statuses: [200, 400, 404, 406, 410, 503],
  answers: [`${MULTIPART}; type="application/dicom"`, 'application/dicom', 'application/zip'],
  query: ['accept'],
}
const METADATA: Kind = { ...RETRIEVE, answers: [DICOM_JSON, `${MULTIPART}; type="application/dicom+xml"`] }
const BYTES: Kind = { ...RETRIEVE, answers: [`${MULTIPART}; type="application/octet-stream"`] }
const DELETE: Kind = { statuses: [204, 400, 404, 410] }
const RESTORE: Kind = { statuses: [204, 400, 404] }
const LINEAGE_KIND: Kind = { statuses: [200, 400, 404], answers: [JSON_TYPE] }
const PICTURES = ['image/jpeg', 'image/png', 'image/gif']
const RENDERED: Kind = {
  statuses: [200, 206, 400, 404, 406, 410, 503],
  answers: PICTURES,
  query: ['accept', 'viewport', 'window', 'quality'],
}
const DECISION: Kind = { statuses: [202, 404, 409] }
const ADMIN_ACTION: Kind = { statuses: [202, 400, 404] }

const STUDY = '/dicomweb/studies/:study'
const SERIES = `${STUDY}/series/:series`
const INSTANCE = `${SERIES}/instances/:instance`

/** What the routes do, in words; a test sees to it that each has some. */
export const DESCRIPTIONS: Readonly<Record<string, Description>> = {
  'GET /': {
    summary: 'The console: search, studies, status, upload',
    statuses: [200, 304],
    answers: ['text/html'],
  },
  'GET /console/:file': {
    summary: 'What the console is made of',
    statuses: [200, 304, 404],
    answers: ['text/javascript', 'text/css', 'image/svg+xml', JSON_TYPE],
  },
  'GET /health/live': { summary: 'The process answers', statuses: [200], answers: [JSON_TYPE] },
  'GET /health/ready': {
    summary: 'Whether it can store and search now',
    statuses: [200, 503],
    answers: [JSON_TYPE],
  },
  'GET /metrics': { summary: 'Counts and times for Prometheus', statuses: [200], answers: ['text/plain'] },
  'GET /openapi.json': { summary: 'This description', statuses: [200], answers: [JSON_TYPE] },
  'POST /dicomweb/studies': { summary: 'Store instances of any study', ...STORE },
  [`POST ${STUDY}`]: { summary: 'Store instances of this study', ...STORE },
  ...searches('/dicomweb/patients', 'patients'),
  ...searches('/dicomweb/studies', 'studies'),
  ...searches('/dicomweb/series', 'series'),
  ...searches('/dicomweb/instances', 'instances'),
  ...searches(`${STUDY}/series`, 'series of a study'),
  ...searches(`${STUDY}/instances`, 'instances of a study'),
  ...searches(`${SERIES}/instances`, 'instances of a series'),
  [`GET ${STUDY}`]: { summary: 'Every instance of a study', ...RETRIEVE },
  [`GET ${SERIES}`]: { summary: 'Every instance of a series', ...RETRIEVE },
  [`GET ${INSTANCE}`]: { summary: 'One instance', ...RETRIEVE },
  [`GET ${INSTANCE}/original`]: {
    summary: 'The file as it was received',
    ...RETRIEVE,
    answers: ['application/octet-stream'],
  },
  [`GET ${STUDY}/metadata`]: { summary: 'Data sets of a study, bulk data by address', ...METADATA },
  [`GET ${SERIES}/metadata`]: { summary: 'Data sets of a series, bulk data by address', ...METADATA },
  [`GET ${INSTANCE}/metadata`]: { summary: 'Data set of an instance, bulk data by address', ...METADATA },
  [`GET ${INSTANCE}/frames/:frames`]: { summary: 'Frames by number, from 1, with commas between', ...BYTES },
  [`GET ${INSTANCE}/pixeldata`]: { summary: 'All pixel data of an instance', ...BYTES },
  [`GET ${INSTANCE}/bulkdata/*path`]: {
    summary: 'A long value, at the address that metadata gives',
    ...BYTES,
  },
  ...levels((path, what) => [
    [`DELETE /dicomweb${path}`, { summary: `Delete ${what}`, ...DELETE }],
    [
      `POST /admin${path}/restore`,
      { summary: `Bring back ${what} that was deleted or rejected`, ...RESTORE },
    ],
  ]),
  ...pictures(STUDY, 'a study'),
  ...pictures(SERIES, 'a series'),
  ...pictures(INSTANCE, 'an instance'),
  ...pictures(`${INSTANCE}/frames/:frames`, 'frames'),
  'GET /dicomweb/wado': {
    summary: 'One instance named by query parameters: WADO-URI (PS3.18 §9)',
    statuses: [200, 206, 400, 404, 406, 410, 503],
    answers: [...PICTURES, 'application/dicom'],
    query: [
      'requestType',
      'studyUID',
      'seriesUID',
      'objectUID',
      'contentType',
      'transferSyntax',
      'frameNumber',
    ].concat(['rows', 'columns', 'region', 'windowCenter', 'windowWidth', 'imageQuality', 'annotation']),
  },
  'OPTIONS /dicomweb': {
    summary: 'Retrieve Capabilities (PS3.18 §8.9)',
    statuses: [200, 406],
    answers: ['application/vnd.sun.wadl+xml', JSON_TYPE],
  },
  'POST /fhir/notify': {
    summary: 'A Subscription says: look now; needs X-Notify-Secret',
    statuses: [200, 403],
  },
  'GET /admin/fhir/watch': { summary: 'How changed Patients are looked for', ...STATE },
  'POST /admin/corrections': {
    summary: 'Propose a correction of a study or of a part of it, or see what it would do',
    statuses: [200, 201, 400, 404, 409, 413, 415],
    answers: [JSON_TYPE],
    takes: [JSON_TYPE],
    query: ['preview'],
  },
  'GET /admin/corrections': {
    summary: 'Corrections, the newest first',
    statuses: [200, 400],
    answers: [JSON_TYPE],
    query: ['state', 'study', 'limit'],
  },
  'GET /admin/corrections/:id': {
    summary: 'A correction, and what it would do',
    statuses: [200, 404],
    answers: [JSON_TYPE],
  },
  'POST /admin/corrections/:id/approve': { summary: 'Have it carried out', ...DECISION },
  'POST /admin/corrections/:id/reject': { summary: 'Say that it is not wanted', ...DECISION },
  'POST /admin/corrections/:id/retry': { summary: 'Try one again that failed', ...DECISION },
  'GET /admin/attention': {
    summary: 'What a person should look at',
    statuses: [200, 400],
    answers: [JSON_TYPE],
    query: ['resolved', 'after', 'limit'],
  },
  'POST /admin/attention/:id/resolve': { summary: 'Say that it is dealt with', statuses: [204, 400, 404] },
  'GET /admin/refusals': { summary: 'Instances that this process refused of late, and why', ...STATE },
  'GET /lineage/studies/:study': {
    summary:
      'What was made of what: instances in every state with their digests, pushes, FHIR resources and versions',
    ...LINEAGE_KIND,
  },
  'GET /lineage/studies/:study/series/:series/instances/:instance': {
    summary: 'The same of one instance; with check=true its stored bytes are compared with their digest',
    ...LINEAGE_KIND,
    query: ['check'],
  },
  'GET /lineage/studies/:study/pushes/:push': {
    summary: 'The originals of which one Provenance tells; the same bytes at any time',
    ...LINEAGE_KIND,
  },
  'GET /admin/fhir': {
    summary: 'What is owed to the FHIR server, and why',
    statuses: [200, 400],
    answers: [JSON_TYPE],
    query: ['limit'],
  },
  'POST /admin/fhir/reconcile': {
    summary: 'Compare all that was pushed with what the FHIR server has; GET /admin/fhir tells how far it is',
    statuses: [202, 409],
  },
  'POST /admin/fhir/studies/:study/restore': {
    summary: 'Bring a study there back to what the index says: edits, subject, also where it was deleted',
    ...ADMIN_ACTION,
  },
  'POST /admin/fhir/studies/:study/withdraw': {
    summary: 'Cancel what the FHIR server has of a study that the index does not have',
    statuses: [202, 400, 409, 503],
  },
  'POST /admin/fhir/studies/:study/touch': { summary: 'Push a study once more', ...ADMIN_ACTION },
  'POST /admin/fhir/studies/:study/release': { summary: 'Push a study that is held', ...ADMIN_ACTION },
  'POST /admin/fhir/studies/:study/retry': {
    summary: 'Try a study again that was given up',
    ...ADMIN_ACTION,
  },
  'POST /admin/fhir/attention/:id/resolve': {
    summary: 'Say that it is dealt with',
    statuses: [204, 400, 404],
  },
}

function pictures(path: string, what: string): Record<string, Description> {
  const rendered = {
    ...RENDERED,
    query: [...(RENDERED.query ?? []), 'annotation', 'iccprofile'],
    answers: [...PICTURES, 'text/html', 'text/plain', 'application/pdf', 'video/mp4'],
  }
  return {
    [`GET ${path}/rendered`]: {
      summary: `A picture of ${what}; reports, documents and video as such`,
      ...rendered,
    },
    [`GET ${path}/thumbnail`]: { summary: `A small picture of ${what}`, ...RENDERED },
  }
}

function searches(path: string, what: string): Record<string, Description> {
  return {
    [`GET ${path}`]: { summary: `Search for ${what}`, ...SEARCH },
    [`GET ${path}/count`]: { summary: `How many ${what} match`, ...COUNT },
  }
}

function levels(
  each: (path: string, what: string) => readonly (readonly [string, Description])[],
): Record<string, Description> {
  const paths = [
    [STUDY, 'a study'],
    [SERIES, 'a series'],
    [INSTANCE, 'an instance'],
  ] as const
  return Object.fromEntries(paths.flatMap(([path, what]) => each(path.slice(DICOMWEB.length), what)))
}

/** Whether a route has words of its own. */
export function isDescribed({ method, path }: RouteFact): boolean {
  return `${method} ${path}` in DESCRIPTIONS
}
