// One slide at a time: arrows, space, page keys, Home and End; F fills the screen; L is the same slide in
// the other language; so are a tap on the left or right half.
'use strict';

const slides = [...document.querySelectorAll('section')];
let at = 0;

function show(index) {
    at = Math.min(Math.max(index, 0), slides.length - 1);
    slides.forEach((slide, i) => slide.classList.toggle('now', i === at));
    history.replaceState(null, '', '#' + slides[at].id);
    // A recording begins when its slide does.
    slides[at].querySelectorAll('img.moving').forEach(image => {
        image.src = image.src.split('#')[0] + '#' + Date.now();
    });
}

function fit() {
    const scale = Math.min(innerWidth / 1280, innerHeight / 720);
    document.body.style.setProperty('--scale', scale);
}

function find(id) {
    return slides.findIndex(slide => '#' + slide.id === id);
}

const keys = {
    ArrowRight: () => show(at + 1), ArrowDown: () => show(at + 1), PageDown: () => show(at + 1),
    ' ': () => show(at + 1), Enter: () => show(at + 1),
    ArrowLeft: () => show(at - 1), ArrowUp: () => show(at - 1), PageUp: () => show(at - 1),
    Backspace: () => show(at - 1),
    Home: () => show(0), End: () => show(slides.length - 1),
    f: () => document.fullscreenElement ? document.exitFullscreen()
                                        : document.documentElement.requestFullscreen(),
    l: () => { location.href = document.body.dataset.other + '#' + slides[at].id; },
};

addEventListener('keydown', event => {
    const key = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!key || event.ctrlKey || event.altKey || event.metaKey)
        return;
    event.preventDefault();
    key();
});
addEventListener('click', event => show(at + (event.clientX < innerWidth / 2 ? -1 : 1)));
addEventListener('hashchange', () => show(find(location.hash)));
addEventListener('resize', fit);

fit();
show(find(location.hash));
