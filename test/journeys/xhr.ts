/**
 * As much of XMLHttpRequest as dicomweb-client asks of a browser, over node:http. Like a browser's it joins the values of
 * a header that is set twice.
 */
import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'

export interface Recorded {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Installs the shim as the global; every request it makes is recorded. */
export function installXhr(recorded: Recorded[]): void {
  Object.assign(globalThis, {
    XMLHttpRequest: function newRequest() {
      return xhr(recorded)
    },
  })
}

function xhr(recorded: Recorded[]) {
  const headers: Record<string, string> = {}
  let method = 'GET'
  let url = ''
  let answerHeaders: Record<string, unknown> = {}
  const self = {
    readyState: 0,
    status: 0,
    response: null as unknown,
    responseType: '',
    onreadystatechange: () => undefined as unknown,
    onloadstart: () => undefined as unknown,
    onloadend: () => undefined as unknown,
    open(newMethod: string, newUrl: string) {
      method = newMethod.toUpperCase()
      url = newUrl
    },
    setRequestHeader(name: string, value: string) {
      const old = headers[name.toLowerCase()]
      headers[name.toLowerCase()] = old === undefined ? value : `${old}, ${value}`
    },
    getResponseHeader: (name: string) => (answerHeaders[name.toLowerCase()] as string | undefined) ?? null,
    getAllResponseHeaders: () =>
      Object.entries(answerHeaders)
        .map(([name, value]) => `${name}: ${String(value)}`)
        .join('\r\n'),
    send(body?: ArrayBuffer | Uint8Array | string) {
      recorded.push({ method, url, headers: { ...headers } })
      self.onloadstart()
      const sent = request(url, { method, headers: { accept: '*/*', ...headers } }, (answer) => {
        void buffer(answer).then((bytes) => {
          answerHeaders = answer.headers
          self.status = answer.statusCode ?? 0
          self.response = responseOf(bytes, self.responseType)
          self.readyState = 4
          self.onreadystatechange()
          self.onloadend()
        })
      })
      sent.on('error', () => {
        self.readyState = 4
        self.onreadystatechange()
      })
      if (body === undefined) sent.end()
      else sent.end(typeof body === 'string' ? body : Buffer.from(body as ArrayBuffer))
    },
  }
  return self
}

function responseOf(bytes: Buffer, type: string): unknown {
  if (type === 'arraybuffer') return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
  if (type !== 'json') return bytes.toString()
  try {
    return JSON.parse(bytes.toString()) as unknown
  } catch {
    return null
  }
}
