// The units that the number reward converts between, with exact factors to the base unit of their dimension: metre,
// kilogram, second, kelvin, litre, metre per second, square metre. US customary units where they differ.
// The offline engine has a table of its own: it reads other spellings, from lower-case tokens, and each name there widens
// the questions that it claims to understand. A test holds the two to the same factors.

import { addFractions, decimalFraction, type Fraction, fraction, multiplyFractions } from "../lib/fraction.ts";

export interface Unit {
  readonly dimension: string;
  readonly factor: Fraction;
  /** Added after the factor: temperatures only. */
  readonly offset: Fraction;
}

/** Names separated by a bar; those of three letters and more may be written in any case. */
const table: Readonly<Record<string, readonly (readonly [factor: string, names: string, offset?: string])[]>> = {
  length: [
    ["1e-9", "nm|nanometre|nanometres|nanometer|nanometers"],
    ["1e-6", "µm|μm|um|micrometre|micrometres|micrometer|micrometers|micron|microns"],
    ["0.001", "mm|millimetre|millimetres|millimeter|millimeters"],
    ["0.01", "cm|centimetre|centimetres|centimeter|centimeters"],
    ["1", "m|metre|metres|meter|meters"],
    ["1000", "km|kilometre|kilometres|kilometer|kilometers"],
    ["0.0254", "in|inch|inches"],
    ["0.3048", "ft|foot|feet"],
    ["0.9144", "yd|yard|yards"],
    ["1609.344", "mi|mile|miles"],
    ["1852", "nmi|nautical mile|nautical miles"],
  ],
  mass: [
    ["1e-9", "µg|μg|ug|microgram|micrograms"],
    ["1e-6", "mg|milligram|milligrams"],
    ["0.001", "g|gram|grams|gramme|grammes"],
    ["1", "kg|kgs|kilo|kilos|kilogram|kilograms"],
    ["1000", "t|tonne|tonnes|metric ton|metric tons"],
    ["0.028349523125", "oz|ounce|ounces"],
    ["0.45359237", "lb|lbs|pound|pounds"],
    ["6.35029318", "st|stone|stones"],
  ],
  time: [
    ["1e-6", "µs|μs|us|microsecond|microseconds"],
    ["0.001", "ms|millisecond|milliseconds"],
    ["1", "s|sec|secs|second|seconds"],
    ["60", "min|mins|minute|minutes"],
    ["3600", "h|hr|hrs|hour|hours"],
    ["86400", "d|day|days"],
    ["604800", "week|weeks|wk|wks"],
  ],
  temperature: [
    ["1", "°C|C|celsius|degree celsius|degrees celsius|degrees C|centigrade", "273.15"],
    ["5/9", "°F|F|fahrenheit|degree fahrenheit|degrees fahrenheit|degrees F", "45967/180"],
    ["1", "K|kelvin|kelvins"],
  ],
  volume: [
    ["0.001", "ml|mL|millilitre|millilitres|milliliter|milliliters|cm³|cm^3|cubic centimetres|cubic centimeters"],
    ["0.01", "cl|cL|centilitre|centilitres|centiliter|centiliters"],
    ["1", "l|L|litre|litres|liter|liters"],
    ["1000", "m³|m^3|cubic metre|cubic metres|cubic meter|cubic meters"],
    ["0.00492892159375", "tsp|teaspoon|teaspoons"],
    ["0.01478676478125", "tbsp|tablespoon|tablespoons"],
    ["0.0295735295625", "fl oz|fluid ounce|fluid ounces"],
    ["0.2365882365", "cup|cups"],
    ["0.473176473", "pt|pint|pints"],
    ["0.946352946", "qt|quart|quarts"],
    ["3.785411784", "gal|gallon|gallons"],
  ],
  speed: [
    ["1", "m/s|mps|metre per second|metres per second|meter per second|meters per second"],
    ["5/18", "km/h|kmh|kph|kilometre per hour|kilometres per hour|kilometer per hour|kilometers per hour"],
    ["0.44704", "mph|mi/h|mile per hour|miles per hour"],
    ["0.3048", "ft/s|fps|foot per second|feet per second"],
    ["463/900", "kn|knot|knots"],
  ],
  area: [
    ["0.0001", "cm²|cm^2|square centimetre|square centimetres|square centimeter|square centimeters"],
    ["1", "m²|m^2|square metre|square metres|square meter|square meters"],
    ["1000000", "km²|km^2|square kilometre|square kilometres|square kilometer|square kilometers"],
    ["10000", "ha|hectare|hectares"],
    ["4046.8564224", "acre|acres"],
    ["0.09290304", "ft²|ft^2|sq ft|square foot|square feet"],
    ["2589988.110336", "mi²|mi^2|sq mi|square mile|square miles"],
  ],
};

const zero = fraction(0n);
const unitsByName: ReadonlyMap<string, Unit> = new Map(
  Object.entries(table).flatMap(([dimension, rows]) =>
    rows.flatMap(([factor, names, offset = "0"]) => {
      const unit: Unit = { dimension, factor: toExact(factor), offset: toExact(offset) };
      return names.split("|").map((name): [string, Unit] => [name, unit]);
    }),
  ),
);

function toExact(text: string): Fraction {
  const [top = "0", bottom = "1"] = text.split("/");
  const divisor = decimalFraction(bottom) ?? fraction(1n);
  return multiplyFractions(decimalFraction(top) ?? zero, fraction(divisor.bottom, divisor.top));
}

/** Longest first, so that `m/s` is not read as `m`. */
const names = [...unitsByName.keys()].toSorted((left, right) => right.length - left.length);
/** What a name must not run on into: a word, a power, a further division. */
const runsOn = /^(?:[\p{L}\p{N}_^²³/]|\s+[a-z])/u;

export function unitNamed(name: string): Unit | null {
  const read = readUnit(name);
  return read !== null && read.length === name.length ? read.unit : null;
}

/** The unit at the start of a text, and the length of its name. */
export function readUnit(text: string): { readonly unit: Unit; readonly length: number } | null {
  for (const name of names) {
    const unit = unitsByName.get(name);
    const head = text.slice(0, name.length);
    if (unit === undefined || (head !== name && (name.length < 3 || head.toLowerCase() !== name.toLowerCase()))) {
      continue;
    }
    const match = runsOn.exec(text.slice(name.length));
    // "5 in total" is no length: a blank and a word after it are no bar to any other unit.
    if (match === null || (name !== "in" && /^\s/.test(match[0]))) {
      return { unit, length: name.length };
    }
  }
  return null;
}

export function toBaseUnit(value: Fraction, { factor, offset }: Unit): Fraction {
  return addFractions(multiplyFractions(value, factor), offset);
}
