// Numbers, units and times for people. An unknown number is a dash.

const DASH = "–";
const UNITS = { degC: "°C", degF: "°F", degK: "K", flag: "", m3h: "m³/h" };
const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0, useGrouping: true });

export const unitOf = (unit) => UNITS[unit] ?? unit;

/** A value with steady digits; `integer` when the sensor only ever counts. */
export function number(value, integer = false) {
  if (value === null || value === undefined) return DASH;
  const size = Math.abs(value);
  if (integer || size >= 1000) return whole.format(value).replaceAll(",", "\u202f");
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

export const reading = (sensor, integer) =>
  sensor.unit === "flag" && sensor.value !== null
    ? (sensor.value ? "on" : "off")
    : number(sensor.value, integer);

/** Seconds as µs, ms or s. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return DASH;
  if (seconds < 0.000_9995) return `${trim(seconds * 1e6)} µs`;
  if (seconds < 0.9995) return `${trim(seconds * 1e3)} ms`;
  if (seconds < 120) return `${trim(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${trim(seconds / 3600)} h`;
}

const trim = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))
  .replace(/\.0+$|(\.\d*[1-9])0+$/, "$1");

export const count = (value) => (value === null || value === undefined ? DASH : number(value, true));

export const clockTime = (wallNs) => new Date(wallNs / 1e6).toLocaleTimeString("en-GB");

export function when(wallNs) {
  const then = new Date(wallNs / 1e6);
  const today = then.toDateString() === new Date().toDateString();
  const day = today ? "" : `${then.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} `;
  return day + then.toLocaleTimeString("en-GB");
}

/** forklift_navigation -> Forklift navigation. */
export function words(name) {
  const spaced = String(name).replaceAll("_", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

export const megabytes = (mb) => (mb >= 1000 ? `${(mb / 1000).toFixed(1)} GB` : `${number(mb)} MB`);
