// The laws of the house, for dependency-cruiser: arrows point down only.
//   main → http → archive → ports ← engines; everything may use dicom and problem; engines never see each other.
const only = (name, library, folder) => ({
  name: `${name}-only-in-${folder}`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/${folder}/` },
  to: { path: `^node_modules/(@types/)?(${library})(/|$)`, dependencyTypesNot: ['type-only'] },
})
const never = (name, from, to, more = {}) => ({
  name,
  severity: 'error',
  from: { path: from, ...(more.fromNot ? { pathNot: more.fromNot } : {}) },
  to: { path: to, ...(more.toNot ? { pathNot: more.toNot } : {}) },
})

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    never('dicom-answers-never-come-from-fhir', '^src/archive/(search|retrieve)', '^src/fhir/'),
    never('dicom-stands-on-nothing', '^src/dicom/', '^src/', { toNot: '^src/(dicom/|problem\\.ts$)' }),
    never('problem-stands-on-nothing', '^src/problem\\.ts$', '^src/'),
    never('config-stands-on-problem-and-dicom', '^src/config', '^src/', {
      toNot: '^src/(problem|config-[a-z]+|dicom/.*)\\.ts$',
    }),
    never(
      'engines-never-see-each-other',
      '^src/(database|blobs|fhir|pixels)/',
      '^src/(database|blobs|fhir|pixels)/',
      {
        toNot: '^src/$1/',
      },
    ),
    never(
      'engines-never-look-up',
      '^src/(database|blobs|fhir|pixels)/',
      '^src/(archive|http|console|main|config)',
    ),
    never('archive-knows-no-http', '^src/archive/', '^src/(http|console|main|config)'),
    never('archive-knows-ports-only', '^src/archive/', '^src/(database|blobs|fhir|pixels)/', {
      toNot:
        '^src/(database/(ports/[a-z-]+|query)\\.ts|blobs/ports\\.ts|fhir/(ports|mapping/.*)\\.ts|pixels/ports\\.ts)$',
    }),
    never('http-asks-the-archive', '^src/http/', '^src/(database|blobs|fhir|pixels)/', {
      toNot: '^src/(database/(ports/[a-z-]+|query)\\.ts|blobs/ports\\.ts|fhir/ports\\.ts)$',
    }),
    never('nobody-imports-main', '^(src|db)/', '^src/main\\.ts$'),
    never('src-imports-no-scripts', '^src/', '^(scripts|test)/'),
    only('knex', 'knex|better-sqlite3|pg', 'database'),
    only('minio', 'minio', 'blobs'),
    only('fhir-kit-client', 'fhir-kit-client', 'fhir'),
    only('dcmjs', 'dcmjs', 'dicom'),
    only('sharp', 'sharp|@cornerstonejs', 'pixels'),
    {
      name: 'express-only-in-http',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/http/' },
      to: { path: '^node_modules/(@types/)?express(/|$)' },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
