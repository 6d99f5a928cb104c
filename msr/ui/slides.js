// Plays the slides of a run. Runs inside gr.HTML, which hands in `element`, `watch` and `trigger`.

const STEP = 140; // milliseconds a word at normal pace
const HOLD = 2600; // and on a slide that is complete

let slide = 0;
let playing = true;
let timer;

const dialog = () => element.querySelector('dialog.stage');
const slides = () => [...dialog().querySelectorAll('.slide')];
const pace = () => Number(dialog().querySelector('[data-stage=pace]').value) || 1;
const still = matchMedia('(prefers-reduced-motion: reduce)');

function open() {
  const stage = dialog();
  if (!stage || stage.open) return;
  document.documentElement.requestFullscreen?.().catch(() => {});
  stage.showModal();
  stage.addEventListener('close', () => {
    clearTimeout(timer);
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  });
  playing = true;
  go(0);
}

function go(number) {
  const all = slides();
  slide = Math.max(0, Math.min(all.length - 1, number));
  all.forEach((one, n) => { one.hidden = n !== slide; });
  for (const word of all[slide].querySelectorAll('.word')) word.classList.toggle('shown', !playing || still.matches);
  dialog().querySelector('.stage-place').textContent = `${slide + 1} / ${all.length}`;
  dialog().querySelector('[data-stage=back]').disabled = slide === 0;
  dialog().querySelector('[data-stage=next]').disabled = slide === all.length - 1;
  step();
}

// Says the next word of a slide, or goes on to the next slide when all of them stand there.
function step() {
  clearTimeout(timer);
  dialog().querySelector('[data-stage=play]').textContent = playing ? 'Pause' : 'Play';
  if (!playing) return;
  const word = slides()[slide].querySelector('.word:not(.shown)');
  if (word) {
    word.classList.add('shown');
    timer = setTimeout(step, (word.tagName === 'LI' ? 4 : 1) * STEP * pace());
  } else if (slide < slides().length - 1) {
    timer = setTimeout(() => go(slide + 1), HOLD * pace());
  } else {
    playing = false;
    step();
  }
}

const acts = {
  back: () => go(slide - 1),
  next: () => go(slide + 1),
  first: () => go(0),
  last: () => go(slides().length - 1),
  play() {
    playing = !playing;
    if (playing && slide === slides().length - 1 && !slides()[slide].querySelector('.word:not(.shown)')) go(0);
    else step();
  },
  close: () => dialog().close(),
  live() {
    const key = dialog().dataset.key;
    dialog().close();
    trigger('live', { key });
  },
};

element.addEventListener('click', (event) => {
  const act = event.target.closest('button[data-stage]')?.dataset.stage;
  if (act) acts[act]();
});
// Wherever the focus is: a button that is disabled at the last slide loses it to the page.
document.addEventListener('keydown', (event) => {
  if (!dialog()?.open || event.target.closest('select')) return;
  const act = {
    ArrowLeft: 'back', PageUp: 'back', ArrowRight: 'next', PageDown: 'next', Home: 'first', End: 'last', ' ': 'play',
  }[event.key];
  if (!act || (event.key === ' ' && event.target.closest('button'))) return;
  event.preventDefault();
  acts[act]();
});

watch('value', open);
