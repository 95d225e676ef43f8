// Put behind a deck by its test: says in the page which slides there are, and what is wrong with them.
'use strict';

addEventListener('load', () => {
    const report = [];
    document.body.className = 'all';
    for (const slide of document.querySelectorAll('section')) {
        const page = slide.getBoundingClientRect();
        const parts = [...slide.querySelectorAll('*')].map(part => part.getBoundingClientRect());
        const sum = part => parts.reduce((all, box) => all + box[part] - page[part], 0).toFixed(1);
        report.push(`slide ${slide.id} ${sum('right')} ${sum('bottom')}`);
        for (const part of slide.querySelectorAll('*')) {
            const box = part.getBoundingClientRect();
            const out = box.right > page.right + 1 || box.bottom > page.bottom - 24;
            if (out || (part.tagName === 'PRE' && part.scrollWidth > part.clientWidth))
                report.push(`overflow ${slide.id} ${part.tagName} ${part.textContent.slice(0, 40)}`);
        }
        for (const image of slide.querySelectorAll('img')) {
            const works = image.complete && image.naturalWidth > 0;
            report.push(`${works ? 'image' : 'broken'} ${slide.id} ${image.alt}`);
        }
    }
    document.body.innerHTML = '<pre>\n\n' + report.join('\n') + '\n</pre>';
});
