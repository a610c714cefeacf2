// The units that the offline engine knows: dimension, factor to the dimension's base unit as an exact fraction,
// and the names people write. Temperature is by formula and has no factor. US customary units where they differ.

export interface Unit {
  readonly name: string;
  readonly dimension: "length" | "mass" | "time" | "temperature" | "volume" | "speed";
  /** Exact, in Python's Fraction notation; base units are metre, kilogram, second, litre, metre per second. */
  readonly factor: string;
  readonly aliases: readonly string[];
}

function unit(name: string, dimension: Unit["dimension"], factor: string, aliases: string): Unit {
  return { name, dimension, factor, aliases: aliases.split("|") };
}

export const units: readonly Unit[] = [
  unit("millimetre", "length", "1/1000", "mm|millimetre|millimetres|millimeter|millimeters"),
  unit("centimetre", "length", "1/100", "cm|centimetre|centimetres|centimeter|centimeters"),
  unit("metre", "length", "1", "m|metre|metres|meter|meters"),
  unit("kilometre", "length", "1000", "km|kms|kilometre|kilometres|kilometer|kilometers"),
  unit("inch", "length", "0.0254", "in|inch|inches"),
  unit("foot", "length", "0.3048", "ft|foot|feet"),
  unit("yard", "length", "0.9144", "yd|yds|yard|yards"),
  unit("mile", "length", "1609.344", "mi|mile|miles"),
  unit("nautical mile", "length", "1852", "nmi|nautical mile|nautical miles"),
  unit("milligram", "mass", "1/1000000", "mg|milligram|milligrams"),
  unit("gram", "mass", "1/1000", "g|gram|grams|gramme|grammes"),
  unit("kilogram", "mass", "1", "kg|kgs|kilo|kilos|kilogram|kilograms"),
  unit("tonne", "mass", "1000", "t|tonne|tonnes|metric ton|metric tons"),
  unit("ounce", "mass", "0.028349523125", "oz|ounce|ounces"),
  unit("pound", "mass", "0.45359237", "lb|lbs|pound|pounds"),
  unit("stone", "mass", "6.35029318", "st|stone|stones"),
  unit("millisecond", "time", "1/1000", "ms|millisecond|milliseconds"),
  unit("second", "time", "1", "s|sec|secs|second|seconds"),
  unit("minute", "time", "60", "min|mins|minute|minutes"),
  unit("hour", "time", "3600", "h|hr|hrs|hour|hours"),
  unit("day", "time", "86400", "d|day|days"),
  unit("week", "time", "604800", "week|weeks|wk|wks"),
  unit("celsius", "temperature", "1", "c|° c|celsius|degree celsius|degrees celsius|° celsius|degrees c|centigrade"),
  unit(
    "fahrenheit",
    "temperature",
    "1",
    "f|° f|fahrenheit|degree fahrenheit|degrees fahrenheit|° fahrenheit|degrees f",
  ),
  unit("kelvin", "temperature", "1", "k|kelvin|kelvins|degrees kelvin"),
  unit("millilitre", "volume", "1/1000", "ml|millilitre|millilitres|milliliter|milliliters"),
  unit("centilitre", "volume", "1/100", "cl|centilitre|centilitres|centiliter|centiliters"),
  unit("litre", "volume", "1", "l|litre|litres|liter|liters"),
  unit("cubic metre", "volume", "1000", "cubic metre|cubic metres|cubic meter|cubic meters|m ³"),
  unit("teaspoon", "volume", "0.00492892159375", "tsp|teaspoon|teaspoons"),
  unit("tablespoon", "volume", "0.01478676478125", "tbsp|tablespoon|tablespoons"),
  unit("fluid ounce", "volume", "0.0295735295625", "fl oz|fluid ounce|fluid ounces"),
  unit("cup", "volume", "0.2365882365", "cup|cups"),
  unit("pint", "volume", "0.473176473", "pt|pint|pints|us pint|us pints"),
  unit("quart", "volume", "0.946352946", "qt|quart|quarts"),
  unit("gallon", "volume", "3.785411784", "gal|gallon|gallons|us gallon|us gallons"),
  unit(
    "metre per second",
    "speed",
    "1",
    "m / s|mps|metres per second|meters per second|metre per second|meter per second",
  ),
  unit(
    "kilometre per hour",
    "speed",
    "5/18",
    "km / h|kmh|kph|kilometres per hour|kilometers per hour|kilometre per hour|kilometer per hour|km per hour",
  ),
  unit("mile per hour", "speed", "0.44704", "mph|mi / h|miles per hour|mile per hour"),
  unit("foot per second", "speed", "0.3048", "ft / s|fps|feet per second|foot per second"),
  unit("knot", "speed", "463/900", "kn|knot|knots"),
];

export const unitByAlias: ReadonlyMap<string, Unit> = new Map(
  units.flatMap((entry) => entry.aliases.map((alias): [string, Unit] => [alias, entry])),
);
