// The words that may stand around the parts of a question without changing what is asked. A word that is missing
// here makes the engine refuse a question that it could have answered; one too many makes it answer a question that
// was not asked. So the lists are short of anything that could modify a number.

const words = (text: string) => new Set(text.trim().split(/\s+/));

const harmless = words(`
  a an the this that these those it its they their them
  i me my we us our you your
  is are was were be will would can could do does did has have had may must should 's
  what what's whats which how much many when it's that's i'd let's
  and or then also of to in on for from with as at by but so both all each
  please kindly hello hi hey thanks thank now today just simply again exactly precisely
  tell give find calculate compute evaluate determine state say show work out figure know let want need like get solve answer
  answers result results value values number numbers question questions following list
  some data set sample population standard arithmetic
  equal equals total sum together other way round than more
  first second third finally last next lastly afterwards
  convert express expressed converted conversion into
  date day days calendar iso week
  start take begin compare
  here there given know two three
  expression exactly correct exact
  separately one after another
  fall falls fell land lands landed pass passes passed elapse elapsed lie lies separate count come comes get gets
`);

/** What the combination of results reads. */
const operators = words(`
  plus minus less times over divided multiplied add adding added subtract subtracting deduct multiply multiplying divide
  dividing product difference differ quotient ratio largest larger greatest greater maximum max highest biggest bigger
  smallest smaller minimum min lowest least lesser mean average altogether between by
`);

/** What stands in a puzzle's rules, as long as they are the usual ones. */
const puzzle = words(`
  make makes making reach reaches obtain get gets equal equals equalling form produce yield yields hit evaluates target
  game play puzzle use using uses used combine create build form write only once every each exactly any order
  basic operation operations operator operators sign signs parentheses brackets addition subtraction multiplication division
  such such solution expression arithmetic digits four five six card cards mathematical math equation possible
  plus minus times
`);

/** Between the dates of a question about days. */
const span = words(`
  day days week weeks between until till through apart separate separates lie lies pass passes passed elapse elapsed
  after before since later earlier prior following preceding past lasts fall falls long add adding subtract subtracting plus minus
  number count counting there
`);

export const isHarmless = (text: string): boolean => harmless.has(text);
export const isOperatorWord = (text: string): boolean => operators.has(text);
export const isPuzzleWord = (text: string): boolean => puzzle.has(text);
export const isSpanWord = (text: string): boolean => span.has(text);
