/** The instances of a series: their pictures, and everything that one of them says. */
import { h } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ask, askJson, offers, pathOf } from './api.js'
import { text } from './dicom.js'
import { InstanceLineage } from './lineage.js'
import { RawLink } from './links.js'
import { Fault, useLoaded, Waiting } from './loading.js'
import { Picture } from './picture.js'
import { hrefOf } from './route.js'
import { TagTree } from './tags.js'

/**
 * @typedef {import('./dicom.js').DataSet} DataSet
 * @typedef {Required<import('./route.js').StudyRoute>} Uids
 */

const INSTANCE = '/dicomweb/studies/{study}/series/{series}/instances/{instance}'
/** Shown at once; a series may have thousands. */
const PAGE = 60

/** @param {{ series: DataSet, route: import('./route.js').StudyRoute }} props */
export function InstanceView({ series, route }) {
  const { study } = route
  const uid = text(series, '0020000E')
  const [most, setMost] = useState(PAGE)
  const listed = useLoaded(
    (signal) =>
      askJson(`${pathOf({ study, series: uid })}/instances?orderby=InstanceNumber&limit=${most}`, signal),
    [study, uid, most],
  )
  /** @type {readonly DataSet[] | undefined} */
  const instances = listed.value
  if (instances === undefined) {
    return h(
      'div',
      { class: 'detail' },
      listed.error ? h(Fault, { error: listed.error }) : h(Waiting, { what: 'the instances' }),
    )
  }
  const chosen = route.instance ?? text(instances[0], '00080018')
  const all = Number(text(series, '00201209'))
  return h(
    'div',
    { class: 'detail' },
    h(
      'nav',
      { class: 'strip', 'aria-label': 'Instances' },
      instances.map((one) => h(StripLink, { key: text(one, '00080018'), study, series: uid, one, chosen })),
      instances.length >= most &&
        most < all &&
        h('button', { type: 'button', onClick: () => setMost(most + PAGE) }, `${PAGE} more`),
    ),
    h(Instance, {
      uids: { page: 'study', study, series: uid, instance: chosen },
      modality: text(series, '00080060'),
    }),
  )
}

/** @param {{ study: string, series: string, one: DataSet, chosen: string }} props */
function StripLink({ study, series, one, chosen }) {
  const instance = text(one, '00080018')
  const number = text(one, '00200013') || '?'
  return h(
    'a',
    {
      href: hrefOf({ page: 'study', study, series, instance }),
      'aria-label': `Instance ${number}`,
      'aria-current': instance === chosen ? 'true' : undefined,
    },
    h(Picture, {
      path: `${pathOf({ study, series, instance })}/thumbnail`,
      route: `${INSTANCE}/thumbnail`,
      alt: '',
      stand: text(one, '00080060'),
    }),
    h('span', { class: 'strip-number', 'aria-hidden': 'true' }, number),
  )
}

/** @param {{ uids: Uids, modality: string }} props */
function Instance({ uids, modality }) {
  const path = pathOf(uids)
  const { value, error } = useLoaded((signal) => dataSetOf(path, signal), [path])
  return h(
    'div',
    { class: 'instance' },
    h(
      'div',
      { class: 'instance-side' },
      value && (isReport(value) ? h(Report, { path }) : h(Frames, { path, dataSet: value, modality })),
      h(InstanceLineage, { uids }),
    ),
    h(
      'section',
      { class: 'tags-panel', 'aria-label': 'Tags' },
      h(
        'p',
        { class: 'actions' },
        h(RawLink, { path: `${path}/metadata` }, 'as JSON'),
        h(
          RawLink,
          { path: `${path}/original`, accept: 'application/octet-stream', save: `${uids.instance}.dcm` },
          'File as received',
        ),
      ),
      h(Fault, { error }),
      value ? h(TagTree, { dataSet: value }) : !error && h(Waiting, { what: 'every tag' }),
    ),
  )
}

/** @param {DataSet} dataSet whether it says something in words, PS3.3 C.17.3 */
function isReport(dataSet) {
  return dataSet['0040A730'] !== undefined && dataSet['00280010'] === undefined
}

/** @param {{ path: string }} props */
function Report({ path }) {
  const { value } = useLoaded((signal) => reportOf(path, signal), [path])
  return value ? h('pre', { class: 'report', tabIndex: 0, 'aria-label': 'Report' }, value) : null
}

/** @param {{ path: string, dataSet: DataSet, modality: string }} props */
function Frames({ path, dataSet, modality }) {
  const [frame, setFrame] = useState(1)
  useEffect(() => setFrame(1), [path])
  const frames = Number(text(dataSet, '00280008')) || 1
  const isOne = frames === 1
  const picture = isOne ? `${path}/rendered` : `${path}/frames/${frame}/rendered`
  return h(
    'figure',
    { class: 'frames' },
    h(Picture, {
      path: `${picture}?viewport=640,640`,
      route: isOne ? `${INSTANCE}/rendered` : `${INSTANCE}/frames/{frames}/rendered`,
      alt: `Picture of the instance${isOne ? '' : `, frame ${frame}`}`,
      stand: modality,
      isLarge: true,
    }),
    !isOne &&
      h(
        'figcaption',
        null,
        h(
          'label',
          null,
          `Frame ${frame} of ${frames}`,
          h('input', {
            type: 'range',
            min: 1,
            max: frames,
            value: frame,
            onInput: (event) => setFrame(Number(event.currentTarget.value)),
          }),
        ),
      ),
  )
}

/**
 * The report in plain text; empty where the service does not write it.
 * @param {string} path of the instance
 * @param {AbortSignal} signal
 */
async function reportOf(path, signal) {
  if (!(await offers(`GET ${INSTANCE}/rendered`))) return ''
  const response = await ask(`${path}/rendered`, { headers: { Accept: 'text/plain' }, signal })
  return response.text()
}

/**
 * @param {string} path of the instance
 * @param {AbortSignal} signal
 * @returns {Promise<DataSet | undefined>}
 */
async function dataSetOf(path, signal) {
  const response = await ask(`${path}/metadata`, { headers: { Accept: 'application/dicom+json' }, signal })
  const [dataSet] = await response.json()
  return dataSet
}
