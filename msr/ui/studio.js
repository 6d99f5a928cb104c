// What all parts of the page share: the kept history, downloads, the evidence sheet, view switches, copy buttons.

window.msr = {
  editors: {},
  draft: (name) => window.msr.editors[name]?.draft() ?? [],
  // The draft of the history outlives a reload of the page.
  keep(draft) {
    try { localStorage.setItem('msr-history', JSON.stringify(draft)); } catch { /* private windows may have no store */ }
  },
  kept() {
    try { return JSON.parse(localStorage.getItem('msr-history')) ?? []; } catch { return []; }
  },
  // The draft, when a run begins; where the outcome lies below the history, it is brought into sight.
  begin() {
    const outcome = document.getElementById('outcome');
    const history = document.getElementById('history');
    const draft = window.msr.draft('history');
    const below = outcome.getBoundingClientRect().top > history.getBoundingClientRect().bottom - 1;
    if (below && draft.length) outcome.scrollIntoView({ behavior: 'smooth' });
    return draft;
  },
  // Shows at once that Stop was heard; the run's own last view follows.
  stopping() {
    for (const line of document.querySelectorAll('.progress.busy .progress-line')) line.textContent = 'Stopping';
    return [];
  },
  download(address) {
    if (!address) return;
    const link = Object.assign(document.createElement('a'), { href: address, download: '' });
    document.body.append(link);
    link.click();
    link.remove();
  },
};

function openSheet(button) {
  const id = CSS.escape(button.dataset.open);
  const source = (button.closest('.results-of') ?? document).querySelector(`.sheet-source[data-sheet="${id}"]`);
  const sheet = document.getElementById('sheet');
  if (!source || !sheet) return;
  document.getElementById('sheet-body').innerHTML = source.innerHTML;
  sheet.querySelector('[data-title]').id = 'sheet-title';
  sheet.showModal();
  sheet.scrollTop = 0;
}

async function copy(button) {
  const words = button.closest('section').querySelector('pre').textContent;
  try {
    await navigator.clipboard.writeText(words);
    button.textContent = 'Copied';
  } catch {
    const range = document.createRange();
    range.selectNodeContents(button.closest('section').querySelector('pre'));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    button.textContent = 'Selected';
  }
  setTimeout(() => { button.textContent = 'Copy'; }, 1600);
}

function show(button) {
  document.querySelector('.gradio-container').dataset.results = button.dataset.view;
  for (const other of button.parentElement.children) other.setAttribute('aria-pressed', other === button);
}

document.addEventListener('click', (event) => {
  const at = (selector) => event.target.closest?.(selector);
  if (event.target.id === 'sheet') event.target.close(); // the backdrop
  else if (at('[data-close]')) document.getElementById(at('[data-close]').dataset.close).close();
  else if (at('[data-open]')) openSheet(at('[data-open]'));
  else if (at('[data-copy]')) copy(at('[data-copy]'));
  else if (at('[data-view]')) show(at('[data-view]'));
});
