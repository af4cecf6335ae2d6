import { integer, type ScalarType } from './kernel.ts'

/** A function that kernels call by name; gpu.js includes it where it is called. */
export interface Helper {
  readonly name: string
  readonly source: string
  readonly argumentTypes: readonly ScalarType[]
  readonly returnType: 'Integer' | 'Number'
}

const helper = (name: string, returnType: Helper['returnType'], source: string, ...types: ScalarType[]): Helper => ({
  name,
  source,
  argumentTypes: types,
  returnType,
})

/**
 * The functions that kernels share.
 *
 * One that calls another may be called by kernels alone: gpu.js gets the order of definitions wrong otherwise, and GLSL
 * needs it. Names must differ from the built-in functions of WGSL and GLSL.
 *
 * Neither WGSL nor GLSL rounds a float quotient correctly, and gpu.js has no other division: `quotient` estimates,
 * estimates again what the estimate left, and corrects by one; so it is exact for all integers below 2³¹.
 * Comparisons are written such that a NaN stays one: a run that diverges must be seen to diverge.
 */
export const helpers: readonly Helper[] = [
  helper(
    'estimate',
    'Integer',
    'function estimate(a, n) { const q = Math.floor(a / n); return q; }',
    'Integer',
    'Integer',
  ),
  helper(
    'quotient',
    'Integer',
    `function quotient(a, n) {
      ${integer('q', 'estimate(a, n)')}
      q = q + estimate(a - q * n, n);
      if (a - q * n < 0) { return q - 1; }
      if (a - q * n >= n) { return q + 1; }
      return q;
    }`,
    'Integer',
    'Integer',
  ),
  helper('whole', 'Integer', 'function whole(x) { const q = Math.floor(x + 0.5); return q; }', 'Float'),
  helper('square', 'Number', 'function square(x) { return x * x; }', 'Float'),
  helper('relu', 'Number', 'function relu(x) { if (x <= 0.0) { return 0.0; } return x; }', 'Float'),
  helper('gate', 'Number', 'function gate(u, x) { if (x > 0.0) { return u; } return 0.0; }', 'Float', 'Float'),
  helper('greater', 'Number', 'function greater(a, b) { if (a > b) { return 1.0; } return 0.0; }', 'Float', 'Float'),
  helper('isSame', 'Number', 'function isSame(a, b) { if (a === b) { return 1.0; } return 0.0; }', 'Float', 'Float'),
  helper(
    'larger',
    'Number',
    'function larger(a, b) { if (b > a) { return b; } if (a >= b) { return a; } return a + b; }',
    'Float',
    'Float',
  ),
  helper(
    'smaller',
    'Number',
    'function smaller(a, b) { if (b < a) { return b; } if (a <= b) { return a; } return a + b; }',
    'Float',
    'Float',
  ),
  helper(
    'choose',
    'Number',
    'function choose(c, a, b) { if (c > 0.0) { return a; } if (c < 0.0) { return a; } return b; }',
    'Float',
    'Float',
    'Float',
  ),
  helper(
    'signOf',
    'Number',
    'function signOf(x) { if (x > 0.0) { return 1.0; } if (x < 0.0) { return -1.0; } return x; }',
    'Float',
  ),
  // Adapters are free to make a number of the exponential or logarithm of none.
  helper(
    'expOf',
    'Number',
    'function expOf(x) { if (x >= 0.0) { return Math.exp(x); } if (x < 0.0) { return Math.exp(x); } return x; }',
    'Float',
  ),
  helper(
    'logOf',
    'Number',
    'function logOf(x) { if (x > 0.0) { return Math.log(x); } if (x < 0.0) { return Math.sqrt(x); } return Math.log(x) + x; }',
    'Float',
  ),
  // The devices' own sine is good to 2⁻¹¹ alone. Cody and Waite: x less a multiple of π/2 in three parts, then polynomials.
  helper(
    'turned',
    'Number',
    `function turned(x, turns) {
      const k = Math.floor(x * 0.636619772 + 0.5);
      const r = ((x - k * 1.5703125) - k * 0.0004837512969970703) - k * 0.00000007549789948768648;
      const q = k + turns;
      const quarter = q - 4.0 * Math.floor(q * 0.25);
      const s = r * r;
      const sine = r + r * s * (-0.16666654611 + s * (0.0083321608736 - s * 0.00019515295891));
      const cosine = 1.0 - 0.5 * s + s * s * (0.04166664568298827 + s * (-0.001388731625493765 + s * 0.00002443315711809948));
      if (quarter < 0.5) { return sine; }
      if (quarter < 1.5) { return cosine; }
      if (quarter < 2.5) { return 0.0 - sine; }
      return 0.0 - cosine;
    }`,
    'Float',
    'Float',
  ),
  // Near 0 the sum 1 + x would swallow x: the series of ln(1 + x) = 2 artanh(x / (2 + x)) does not.
  helper(
    'log1pOf',
    'Number',
    `function log1pOf(x) {
      if (x > 0.4) { return Math.log(1.0 + x); }
      if (x < -1.0) { return Math.sqrt(x); }
      if (x < -0.3) { return Math.log(1.0 + x); }
      const t = x / (2.0 + x);
      const s = t * t;
      return 2.0 * t * (1.0 + s * (0.333333343 + s * (0.2 + s * (0.142857149 + s * (0.111111112 + s * 0.0909090936)))));
    }`,
    'Float',
  ),
  helper(
    'sigmoid',
    'Number',
    `function sigmoid(x) {
      if (x >= 0.0) { return 1.0 / (1.0 + Math.exp(-x)); }
      if (x < 0.0) { return Math.exp(x) / (1.0 + Math.exp(x)); }
      return x;
    }`,
    'Float',
  ),
  // Away from 0 by e^(−2|x|), which cannot overflow; near 0 by its continued fraction.
  helper(
    'tanhOf',
    'Number',
    `function tanhOf(x) {
      const e = Math.exp(-2.0 * Math.abs(x));
      const s = x * x;
      if (x > 0.5) { return (1.0 - e) / (1.0 + e); }
      if (x < -0.5) { return (e - 1.0) / (1.0 + e); }
      return x / (1.0 + s / (3.0 + s / (5.0 + s / (7.0 + s / 9.0))));
    }`,
    'Float',
  ),
  // Near 0 the power series; beyond 1 the rational approximation of Abramowitz and Stegun, 7.1.26, good to 1.5e-7.
  helper(
    'erfOf',
    'Number',
    `function erfOf(x) {
      const s = x * x;
      const t = 1.0 / (1.0 + 0.3275911 * Math.abs(x));
      const p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
      const far = 1.0 - p * Math.exp(-s);
      if (x > 1.0) { return far; }
      if (x < -1.0) { return -far; }
      return 1.12837917 * x * (1.0 - s * (0.333333333 - s * (0.1 - s * (0.0238095238 - s * (0.00462962963 -
        s * (0.000757575758 - s * (0.000106837607 - s * (0.0000132275132 - s * 0.00000145891690))))))));
    }`,
    'Float',
  ),
  // WGSL leaves the power of a negative base undefined. `odd` is 1 where p is an odd whole number, 0 where it is even,
  // and below 0 where it is not whole: then the result is not a number.
  helper(
    'powerOf',
    'Number',
    `function powerOf(x, p, odd) {
      if (x > 0.0) { return Math.pow(x, p); }
      if (x < 0.0) {
        if (odd < 0.0) { return Math.sqrt(x); }
        if (odd > 0.0) { return -Math.pow(-x, p); }
        return Math.pow(-x, p);
      }
      if (p > 0.0) { return x; }
      return 1.0 / (x * x);
    }`,
    'Float',
    'Float',
    'Float',
  ),
]
