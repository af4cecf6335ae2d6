// An ordinary script before everything else: what keeps the page from starting (a file that is missing, a browser that
// cannot read it, an error on the way) is said, where the page would seem to load for ever.
addEventListener(
  'error',
  ({ message }) => {
    const loading = document.getElementById('loading')
    if (loading === null) return
    loading.setAttribute('role', 'alert')
    loading.textContent = `The page did not start: ${message || 'a file of it did not load'}. Current versions of Chrome, Edge, Firefox and Safari run it.`
  },
  // Errors of scripts and style sheets do not bubble.
  true,
)
