/** JPEG of 12 bits by all three processes: the same coefficients, so exactly the same samples. The streams are dcmtk's. */
import { decodeFrame } from '../../src/pixels/decode.ts'
import { format } from './encoders.ts'
import { faultsOfDamage } from './damaged.ts'

const SEQUENTIAL =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/wQALDAAMABQBAREA/8QAFQABAQAAAAAAAAAAAAAAAAAACQv/xAAlEAACAgEDBAIDAQAAAAAAAAACAwEEBQcJEQYIChIAIRMUFTL/2gAIAQEAAD8ASrY080zUJO0hXxdPo2yqvZ6ZbCv5ILssgoWNa0yomVxK/Zi0UkQAwUARySjiZIpTPm/+a5qHR3BbN+10MWJKb9ldwqdFiDQAfTzFgQaYVXSw6KeIJJOMp4WX+lk2B/NE1ooba/QiQ7fcbn/Sw5UNygUbEVhWtSgrIbZmDNawWAkUEY/lh3Bl98VnNmLY27FcTs2ot0dKhj9Ho+9lELaamwJU2DQqqkjVJktQcsD2KSFsycF9zHyVD5uOxl2Gj3/aqBR0hGhX6bztm3Sr1LcgsipnVKvDI4mS9WXXtkuYIzmJMjjmJZ3x3NgHbvy23JiKOb0THIfws4/E1XTkW1iJIVah+xij8YEwjYwyP1iSIymfn//Z'
/** In scans of some coefficients each, and in scans of some bits of some coefficients each. */
const SPECTRAL =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/wgALDAAMABQBAREA/8QAFQABAQAAAAAAAAAAAAAAAAAACQv/2gAIAQEAAAAASqUyslZyVCzv/8QAGxABAAEFAQAAAAAAAAAAAAAACQoCBAUHCAP/2gAIAQEAAQUADSaZsLxJCb/Nc2HYoKA80TdFga4xBtwriRtm4hlwbT39HcAE78scn//EACMQAAMBAAEEAgIDAAAAAAAAAAECAwQFBgcREgAhExUIFDL/2gAIAQEABj8Az8Xj6N0yz6emaiX6lJ6aBhNc2qmSJmDP2pOGKARQwRnLScEs2nfq6GbiWO/TPY2PDSDwRPq7rRA8RLPGj4Y+A0Ws7HxNv9dCRT+PvG8/6aLSFeUTDoGZZzlJM0K6SHec0miswZ1/KLeHb78Q14e1Sj+j0fu5SE6vKoVsdFwZZFnkXack80T2YstSXDfZHzuomHtCuDP03zunXiz5NZSbNjfK2cUHglvWm29S3kM7kF2ceQeIw832TXkP0XOX4nLY8jXMzRTLkf2dYfjRqM9KOz+oLM7E/P/Z'
const FULL =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/wgALDAAMABQBAREA/8QAFQABAQAAAAAAAAAAAAAAAAAACAr/2gAIAQEAAAABSspiyrOlQZ3/xAAbEAEAAQUBAAAAAAAAAAAAAAAHCAECAwUGFv/aAAgBAQABBQINmnsKEk35r7CxBAZo7qw1GA3hcQ3NwM4P38dwA7ynP//EACcQAAIABAUEAgMAAAAAAAAAAAECAxESIQAEBRMxIjJBURZxgZGx/9oACAEBAAY/AlhJk2CtljLakx4pYqJWuAg/mGdsjtdbB6EIl7vxJQaB4n6xkR8fhx+oicWhqZACkFvAl+54DJpXZk3igGR7DQo44HP3jVaNIoXLR2ZFVrdFNM/y5OISRtE3NiOYSncK2pX1K9zj/8QAGhABAQADAQEAAAAAAAAAAAAAAREAITFBYf/aAAgBAQABPyHVxCaI9WQpYtXVszsKk7BbLu29dBc8RIBtEALU9XA/bqQQuaQ0rTa4EjkJpT+kpdXq4b7Y8JepJSizauf/2gAIAQEAAAAQB//EABgQAQEBAQEAAAAAAAAAAAAAAAERACEx/9oACAEBAAE/ECIayoJIMDkGjXDXRzA+ZKRBCmEFTJRj+GURY7QxqBegq7OolPSZwieyECLR6FiWjY0UecWqJSk7///Z'
const bytesOf = (base64: string) => Buffer.from(base64, 'base64')
const of = format({ Rows: 12, Columns: 20, BitsStored: 12 })
const root = '1.2.840.10008.1.2.4'

async function samplesOf(stream: Buffer, suffix: string): Promise<Uint16Array> {
  return new Uint16Array(Uint8Array.from(await decodeFrame(stream, `${root}.${suffix}`, of)).buffer)
}

it('decodes scans of coefficients, and of their bits, as one scan of all', async () => {
  const sequential = await samplesOf(bytesOf(SEQUENTIAL), '51')
  expect(Math.max(...sequential) - Math.min(...sequential)).toBeGreaterThan(2000)
  expect(await samplesOf(bytesOf(SPECTRAL), '53')).toEqual(sequential)
  expect(await samplesOf(bytesOf(FULL), '55')).toEqual(sequential)
})

it('refuses another size, and more colours', async () => {
  for (const changes of [{ Rows: 13 }, { SamplesPerPixel: 3 }]) {
    const decoded = decodeFrame(bytesOf(FULL), `${root}.55`, { ...of, ...changes })
    await expect(decoded).rejects.toThrow(/another size/)
  }
})

it('never crashes on damaged streams, nor gives another size', async () => {
  const whole = bytesOf(FULL)
  expect(whole.length).toBeGreaterThan(100)
  const frame = { TransferSyntaxUID: `${root}.55`, format: of, length: 480 }
  expect(await faultsOfDamage(whole, frame)).toEqual([])
}, 60_000)
