import type { S3Buckets } from './buckets.ts'

type XmlValue = string | number | boolean | XmlObject | readonly XmlValue[]
interface XmlObject {
  readonly [name: string]: XmlValue
}

/** An XML document; an array is its element repeated. */
export function xml(root: string, content: XmlObject): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${element(root, content)}`
}

function element(name: string, value: XmlValue): string {
  if (Array.isArray(value)) return value.map((item: XmlValue) => element(name, item)).join('')
  if (typeof value !== 'object') return `<${name}>${escaped(String(value))}</${name}>`
  const children = Object.entries(value).map(([child, content]) => element(child, content))
  return `<${name}>${children.join('')}</${name}>`
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** ListObjectsV2: objects of a prefix after a key or a token (here the last key), in order of the keys. */
export function listObjectsXml(buckets: S3Buckets, bucket: string, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? ''
  const after = query.get('continuation-token') ?? query.get('start-after') ?? ''
  const most = Number(query.get('max-keys') ?? 1000)
  const all = buckets.list(bucket).filter(({ key }) => key.startsWith(prefix) && key > after)
  const page = all.slice(0, most)
  return xml('ListBucketResult', {
    Name: bucket,
    Prefix: prefix,
    KeyCount: page.length,
    MaxKeys: most,
    IsTruncated: all.length > page.length,
    ...(all.length > page.length ? { NextContinuationToken: page.at(-1)?.key ?? '' } : {}),
    Contents: page.map(({ key, bytes, etag, modifiedAt }) => ({
      Key: query.get('encoding-type') === 'url' ? encodeURIComponent(key) : key,
      LastModified: modifiedAt.toISOString(),
      ETag: `"${etag}"`,
      Size: bytes.length,
      StorageClass: 'STANDARD',
    })),
  })
}

/** ListMultipartUploads, all on one page. */
export function listUploadsXml(buckets: S3Buckets, bucket: string, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? ''
  const uploads = buckets.uploads(bucket).filter(({ key }) => key.startsWith(prefix))
  return xml('ListMultipartUploadsResult', {
    Bucket: bucket,
    IsTruncated: false,
    Upload: uploads.map(({ key, id, startedAt }) => ({
      Key: key,
      UploadId: id,
      Initiated: startedAt.toISOString(),
    })),
  })
}
