// Formulas are written once, in Unicode beside the code that computes them (src/choice.ts); here they become TeX.

const symbols: Readonly<Record<string, string>> = {
  '⟨': '\\langle ',
  '⟩': '\\rangle ',
  '⌈': '\\lceil ',
  '⌉': '\\rceil ',
  '≤': '\\le ',
  '≥': '\\ge ',
  '←': '\\gets ',
  '·': '\\,',
  '∘': '\\circ ',
  '∇': '\\nabla ',
  Σ: '\\textstyle\\sum ',
  '−': '-',
  '½': '\\tfrac12 ',
  η: '\\eta ',
  ϑ: '\\vartheta ',
  ν: '\\nu ',
  α: '\\alpha ',
  β: '\\beta ',
  ε: '\\varepsilon ',
  κ: '\\kappa ',
  λ: '\\lambda ',
  μ: '\\mu ',
  ξ: '\\xi ',
  π: '\\pi ',
  ρ: '\\rho ',
  σ: '\\sigma ',
  τ: '\\tau ',
}

const raised: Readonly<Record<string, string>> = { '²': '2', '³': '3', '⁴': '4', ᵏ: 'k' }
const lowered: Readonly<Record<string, string>> = { '₀': '0', '₁': '1', '₂': '2' }
const accents: Readonly<Record<string, string>> = { '\u0304': '\\bar', '\u0302': '\\hat' }

/**
 * TeX of a formula in plain Unicode.
 *
 * @example texOf('(1/b)·‖Var‖₁ ≤ η²‖ḡ‖²')
 */
export function texOf(formula: string): string {
  // Decomposed, a ḡ is a g and a macron.
  const text = formula.normalize('NFD').replaceAll('(1/b)', '\u0001')
  let tex = ''
  let open = false
  for (let i = 0; i < text.length; i++) {
    const [here, next] = [text[i]!, text[i + 1] ?? '']
    if (here === '\u0001') tex += '\\tfrac1b'
    else if (here === '‖') {
      open = !open
      tex += open ? '\\lVert ' : '\\rVert '
    } else if (here === '√') {
      const [inside, end] = operand(text, i + 1)
      tex += `\\sqrt{${texOf(inside)}}`
      i = end - 1
    } else if (accents[next]) {
      tex += `${accents[next]} ${here}`
      i++
    } else if (raised[here]) tex += `^{${raised[here]}}`
    else if (lowered[here]) tex += `_{${lowered[here]}}`
    else if (symbols[here]) tex += symbols[here]
    else if (here === '_' && next !== '{') {
      const [index] = /^[A-Za-z]{1,2}(?![A-Za-z])/.exec(text.slice(i + 1)) ?? ['']
      tex += index ? `_{${index}}` : '_'
      i += index.length
    } else if (/[A-Za-z]/.test(here)) {
      const [word] = /^[A-Za-z]+/.exec(text.slice(i))!
      // The letter before an accent or an index belongs to it; the rest of a longer word is one name.
      const accented = accents[text[i + word.length] ?? '']
      const whole = accented ? word.slice(0, -1) : word
      if (whole.length > 1) {
        tex += plain.has(whole)
          ? `\\${whole} `
          : sentence.has(whole)
            ? `\\;\\text{${whole}}\\;`
            : `\\operatorname{${whole}}`
        i += whole.length - 1
      } else tex += here
    } else if (here === ';') tex += ',\\quad '
    else tex += here
  }
  return tex
}

const plain = new Set(['min', 'max', 'exp', 'ln', 'cos'])
const sentence = new Set(['and', 'for', 'every', 'after', 'periods', 'an', 'each', 'output', 'row', 'accumulator'])

/** What a root is taken of: a letter with what hangs on it, or what is in brackets. */
function operand(text: string, start: number): [string, number] {
  if (text[start] === '(') {
    const end = text.indexOf(')', start)
    return [text.slice(start + 1, end), end + 1]
  }
  const [letter] = /^.[\u0300-\u036f]?/u.exec(text.slice(start)) ?? ['']
  return [letter, start + letter.length]
}

/** A number in TeX: 1.2e-4 as 1.2 · 10⁻⁴. */
export function texNumber(value: number): string {
  if (!Number.isFinite(value)) return '\\infty'
  const size = Math.abs(value)
  if (value !== 0 && (size < 1e-3 || size >= 1e6)) {
    const [mantissa, exponent] = value.toExponential(2).split('e') as [string, string]
    return `${mantissa}\\cdot10^{${Number(exponent)}}`
  }
  return value.toPrecision(3).includes('e') ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

/** An inequality with the current numbers beneath its sides; without them where there are none. */
export function texWithNumbers(formula: string, statistic: number | null, threshold: number | null): string {
  const sides = formula.split('≤')
  if (sides.length !== 2 || statistic === null || threshold === null) return texOf(formula)
  const sign = statistic <= threshold ? '\\le' : '\\not\\le'
  return `\\underbrace{${texOf(sides[0]!.trim())}}_{${texNumber(statistic)}}\\;${sign}\\;\\underbrace{${texOf(sides[1]!.trim())}}_{${texNumber(threshold)}}`
}
