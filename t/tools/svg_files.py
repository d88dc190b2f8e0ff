#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""svg_files.py DIR: SVG files for t/bimi_svg.sh, and on standard output a line for each: FILE RULE, "-" for none.

The facts are those of the schema in draft-svg-tiny-ps-abrotman, written down once more and not taken from the program:
each element with all its attributes, each attribute by itself, each value of those that have few; each element and each
attribute of SVG Tiny 1.2 and SVG 1.1 that is not in the profile; each element where it may not stand. Where the program
differs from the schema on purpose, the line ends with "!"."""
import sys

folder = sys.argv[1]

core = 'id class role rel rev typeof content datatype resource about property xml:lang xml:space'.split()
conditional = 'requiredFonts systemLanguage'.split()
free = '''color fill fill-opacity font-family font-size line-increment solid-color solid-opacity stop-color stop-opacity stroke
stroke-dasharray stroke-dashoffset stroke-miterlimit stroke-opacity stroke-width'''.split()
choices = {
    'color-rendering': 'auto optimizeSpeed optimizeQuality inherit', 'direction': 'ltr rtl inherit',
    'display-align': 'auto before center after inherit', 'fill-rule': 'inherit nonzero evenodd',
    'font-style': 'normal italic oblique inherit', 'font-variant': 'normal small-caps inherit',
    'font-weight': 'normal bold bolder lighter', 'stroke-linecap': 'butt round square inherit',
    'stroke-linejoin': 'miter round bevel inherit', 'text-align': 'start center end inherit',
    'text-anchor': 'start middle end inherit', 'unicode-bidi': 'normal embed bidi-override inherit',
    'vector-effect': 'none non-scaling-stroke inherit'}
media_choices = {
    'buffered-rendering': 'auto dynamic static inherit', 'display': 'inline block none inherit',
    'image-rendering': 'auto optimizeSpeed optimizeQuality inherit',
    'shape-rendering': 'auto optimizeSpeed crispEdges geometricPrecision inherit',
    'text-rendering': 'auto optimizeSpeed optimizeLegibility geometricPrecision inherit',
    'visibility': 'visible hidden collapse inherit'}
media = list(media_choices) + ['viewport-fill', 'viewport-fill-opacity']
root_choices = {'externalResourcesRequired': 'false', 'focusable': 'false', 'playbackOrder': 'all', 'snapshotTime': 'none',
                'timelineBegin': 'onLoad', 'zoomAndPan': 'disable'}
every_choice = {**choices, **media_choices, **root_choices, 'gradientUnits': 'userSpaceOnUse objectBoundingBox', 'editable': 'none'}
values = {'id': 'a', 'class': 'a b', 'xml:lang': 'en', 'xml:space': 'preserve', 'version': '1.2', 'baseProfile': 'tiny-ps',
          'viewBox': '0 0 9 9', 'preserveAspectRatio': 'xMidYMid meet', 'href': '#b'}
properties = free + list(choices)
drawn = core + conditional + properties + ['transform']
own = {
    'svg': ['width', 'height', 'preserveAspectRatio', 'contentScriptType'] + list(root_choices),
    'use': ['x', 'y', 'href'], 'path': ['d', 'pathLength'], 'rect': 'x y width height rx ry'.split(), 'circle': 'cx cy r'.split(),
    'ellipse': 'cx cy rx ry'.split(), 'line': 'x1 y1 x2 y2'.split(), 'polyline': ['points'], 'polygon': ['points'],
    'text': 'x y rotate editable'.split(), 'textArea': 'x y width height'.split(),
    'linearGradient': 'x1 y1 x2 y2 gradientUnits'.split(), 'radialGradient': 'cx cy r gradientUnits'.split(), 'stop': ['offset']}
allowed = {'svg': core + properties, 'title': core + conditional + media, 'desc': core + conditional + media, 'metadata': [],
           'defs': core + properties, 'g': drawn, 'solidColor': core + properties, 'stop': core + properties}
for element in 'use path rect circle ellipse line polyline polygon text textArea'.split():
    allowed[element] = list(drawn)
for element in 'linearGradient radialGradient'.split():
    allowed[element] = core + properties
for element in own:
    allowed[element] = allowed[element] + own[element]

count = 0


def put(name, text, rule='-', differs=False, encoding='utf-8'):
    global count
    count += 1
    file = '%03d_%s.svg' % (count, name.replace(':', '_').replace('/', '_'))
    with open(folder + '/' + file, 'w', encoding=encoding) as f:
        f.write(text)
    print(file, rule + (' !' if differs else ''))


def value(name):
    return values.get(name) or every_choice.get(name, '1').split()[0]


def attributes(names):
    return ''.join(' %s="%s"' % (n, value(n)) for n in names)


def document(inside='', root='', title='<title>x</title>'):
    return ('<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9"%s>\n%s\n%s\n</svg>\n' %
            (root, title, inside))


def with_element(element, text):
    """A document in which ELEMENT, with the attributes TEXT, stands where it may."""
    if element == 'svg':
        return document(root=text)
    if element == 'title':
        return document(title='<title%s>x</title>' % text)
    if element == 'stop':
        return document('<linearGradient><stop%s/></linearGradient>' % text)
    return document('<%s%s/>' % (element, text))


for element in allowed:
    put(element + '_plain', with_element(element, ''))
    put(element + '_all', with_element(element, attributes(allowed[element])))
home = {}
for element in ['rect', 'title', 'svg', 'text', 'textArea', 'path', 'circle', 'ellipse', 'line', 'polygon', 'stop', 'use', 'linearGradient']:
    for name in allowed[element]:
        home.setdefault(name, element)
for name, element in home.items():
    put('%s_%s' % (element, name), with_element(element, attributes([name])))
for name, words in every_choice.items():
    for word in words.split()[1:]:
        put('%s_%s' % (name, word), with_element(home[name], ' %s="%s"' % (name, word)))
    put(name + '_wrong', with_element(home[name], ' %s="wrong"' % name), 'logo.value')
put('xml_id', with_element('g', ' xml:id="a"'))
put('both_ids', with_element('g', ' id="a" xml:id="b"'), 'logo.attribute')
for name, word in [('id', '1a'), ('class', ''), ('xml:space', 'keep'), ('preserveAspectRatio', 'xMinYMin')]:
    put(name + '_wrong', with_element('svg', ' %s="%s"' % (name, word)), 'logo.value')
for word in 'none', 'xMidYMid', 'none meet':
    put('aspect_' + word.replace(' ', '_'), with_element('svg', ' preserveAspectRatio="%s"' % word))
everywhere = sorted({n for names in allowed.values() for n in names})
for element in allowed:  # each attribute of the profile, where it does not belong; for some elements
    if element in ('metadata', 'g', 'stop', 'title', 'svg', 'rect'):
        for name in everywhere:
            if name not in allowed[element]:
                put('%s_%s_not' % (element, name), with_element(element, attributes([name])), 'logo.attribute')
for element in '''a animate animateColor animateMotion animateTransform animation audio discard ev:listener foreignObject handler image
listener prefetch script set switch tbreak tspan video style filter mask clipPath pattern marker symbol view cursor altGlyph textPath
feBlend mpath color-profile missing-glyph vkern glyphRef tref'''.split():
    if ':' in element:
        put(element, document('<ev:listener xmlns:ev="http://www.w3.org/2001/xml-events"/>'), 'logo.namespace')
    else:
        put(element + '_not', document('<%s/>' % element), 'logo.element')
for name in '''style onload onclick onmouseover onactivate onfocusin filter mask clip-path overflow opacity pointer-events audio-level nav-up
nav-next focusHighlight requiredFeatures requiredExtensions requiredFormats begin dur attributeName gradientTransform spreadMethod
mask-type letter-spacing word-spacing baseline-shift text-decoration cursor clip-rule color-interpolation enable-background font
font-stretch flood-color lighting-color marker-start stop kerning tabindex data-x src type target'''.split():
    put(name + '_not', document('<rect%s/>' % attributes([name])), 'logo.attribute')
for name in 'x', 'y', 'onload', 'style', 'overflow', 'enable-background':
    put('svg_' + name, document(root=' %s="0"' % name), 'logo.attribute')
put('title_missing', document(title=''), 'logo.title')
put('title_second', document('<title>y</title>'), 'logo.place')
put('title_late', document('<title>y</title>', title='<desc>d</desc>'), 'logo.place')
put('version_1.1', document().replace('"1.2"', '"1.1"'), 'logo.version')
put('profile_tiny', document().replace('tiny-ps', 'tiny'), 'logo.profile')
containers = ['svg', 'g', 'defs']
for parent, inside in [('g', 'desc'), ('g', 'title'), ('g', 'metadata'), ('defs', 'desc'), ('g', 'stop'), ('path', 'title'), ('rect', 'desc'),
                       ('path', 'path'), ('use', 'path'), ('linearGradient', 'rect'), ('solidColor', 'desc'),
                       ('text', 'text'), ('desc', 'g'), ('metadata', 'g'), ('g', 'svg'), ('text', 'tspan'), ('textArea', 'tbreak')]:
    rule = 'logo.element' if inside in ('tspan', 'tbreak') else 'logo.place'
    put('%s_in_%s' % (inside, parent), document('<%s><%s/></%s>' % (parent, inside, parent)), rule)
for parent in 'g', 'defs':
    for inside in 'path rect circle ellipse line polyline polygon text textArea use g defs linearGradient radialGradient solidColor'.split():
        put('%s_in_%s' % (inside, parent), document('<%s><%s/></%s>' % (parent, inside, parent)))
put('text_in_g', document('<g>x</g>'), 'logo.text')
put('text_in_svg', document('x'), 'logo.text')
# What the schema cannot say, or says otherwise.
put('base', document('<g xml:base="http://example.com/"/>'), 'logo.attribute', True)
put('xlink', document('<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#a"/>'), '-', True)
put('font', document('<defs><font horiz-adv-x="1"><font-face font-family="a"/><glyph unicode="a" d="M0 0"/><hkern u1="a" u2="b" k="1"/>'
                     '</font></defs>'), '-', True)
put('outside', document('<use href="http://example.com/a.svg#b"/>'), 'logo.reference', True)
put('paint_outside', document('<rect fill="url(http://example.com/a.svg#b)"/>'), 'logo.reference', True)
put('paint_inside', document('<rect fill="url(#b)"/>'))
put('doctype', '<!DOCTYPE svg>\n' + document(), 'logo.doctype', True)
put('entity', '<!DOCTYPE svg [<!ENTITY a "b">]>\n' + document('<desc>&a;</desc>'), 'logo.doctype', True)
put('instruction', '<?xml-stylesheet href="a.css"?>\n' + document(), 'logo.instruction', True)
put('title_empty', document(title='<title/>'), 'logo.title', True)
put('large', document('<!--' + 32768 * 'x' + '-->'), 'logo.size', True)
# What somebody would try who wants a reader of logos to run, fetch, or work without an end.
put('laughs', '<!DOCTYPE svg [<!ENTITY a "ha">%s]>\n' % ''.join('<!ENTITY %s "%s">' % (b, ('&%s;' % a) * 10) for a, b in zip('abcdefghi', 'bcdefghij')) +
    document(title='<title>&j;</title>'), 'logo.doctype', True)
put('entity_outside', '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n' + document(title='<title>&a;</title>'), 'logo.doctype', True)
put('subset_outside', '<!DOCTYPE svg SYSTEM "http://example.com/a.dtd">\n' + document(), 'logo.doctype', True)
for name in 'fill', 'stroke', 'color', 'solid-color', 'stop-color':
    home_of = 'stop' if name == 'stop-color' else 'rect'
    for number, text in enumerate(['url(http://example.com/a)', "url( 'http://example.com/a' )", 'URL(//example.com/a)', 'url(data:image/svg+xml,a)',
                                   'red url(a.svg#b)', '&#117;rl(http://example.com/a)', '\\75 rl(http://example.com/a)', 'u\\72l(a)',
                                   'image(http://example.com/a)', "image-set('a' 1x)", 'src(#a)', 'element(#a)', 'var(--a)', 'expression(a)']):
        put('%s_outside_%d' % (name, number), with_element(home_of, ' %s="%s"' % (name, text)), 'logo.reference', True)
for number, text in enumerate(['http://example.com/a.svg#b', '//example.com/a', 'a.svg', 'data:image/svg+xml;base64,AA==', ' #a', 'javascript:a', '', '#']):
    put('use_outside_%d' % number, document('<use href="%s"/>' % text), 'logo.reference', True)
    put('use_xlink_outside_%d' % number, document('<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="%s"/>' % text), 'logo.reference', True)
for element in 'path', 'rect', 'linearGradient', 'text', 'g', 'svg', 'defs':
    for name in 'href', 'xlink:href', 'src', 'xml:base':
        space = ' xmlns:xlink="http://www.w3.org/1999/xlink"' if name.startswith('xlink') else ''
        put('%s_%s' % (element, name), with_element(element, '%s %s="#a"' % (space, name)), 'logo.attribute', name == 'xml:base')
put('handler', document('<rect xmlns:ev="http://www.w3.org/2001/xml-events" ev:event="click"/>'), 'logo.namespace')
put('html', document('<h:script xmlns:h="http://www.w3.org/1999/xhtml">a()</h:script>'), 'logo.namespace')
put('include', document('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'), 'logo.namespace')
put('nested', document('<g><svg viewBox="0 0 1 1"/></g>'), 'logo.place')
put('copies', document('<g id="a0"/>' + ''.join('<g id="a%d">%s</g>' % (n, ('<use href="#a%d"/>' % (n - 1)) * 10) for n in range(1, 10))),
    'logo.use', True)
put('copies_few', document('<g id="a"/>' + '<use href="#a"/>' * 20))
put('copy_of_itself', document('<g id="a"><use href="#a"/></g>'), 'logo.use', True)
put('copies_in_turn', document('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'), 'logo.use', True)
put('deep', document('<g>' * 70 + '</g>' * 70), 'logo.depth', True)
put('utf-16', '<?xml version="1.0" encoding="UTF-16"?>\n' + document(), 'logo.encoding', True, 'utf-16')
put('utf-16_unsaid', document(), 'logo.encoding', True, 'utf-16-le')
put('latin-1', '<?xml version="1.0" encoding="ISO-8859-1"?>\n' + document(title='<title>\u00e9</title>'), 'logo.encoding', True, 'latin-1')
put('utf-7', '<?xml version="1.0" encoding="UTF-7"?>\n' + document('<desc>+ADw-script/+AD4-</desc>'), 'logo.encoding', True)
put('cdata', document('<desc><![CDATA[<script/>]]></desc>'))
put('prefix', '<s:svg xmlns:s="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9"><s:title>x</s:title></s:svg>')
put('version_missing', document().replace(' version="1.2"', ''), 'logo.version')
put('profile_missing', document().replace(' baseProfile="tiny-ps"', ''), 'logo.profile')
put('no_namespace', document().replace(' xmlns="http://www.w3.org/2000/svg"', ''), 'logo.root')
put('no_square', document().replace('0 0 9 9', '0 0 9 8'), 'logo.viewbox', True)
put('no_viewbox', document().replace(' viewBox="0 0 9 9"', ''), 'logo.viewbox', True)
put('not_ended', document()[:-7], 'logo.xml')
put('two_roots', document() + '<svg/>', 'logo.xml')
put('largest', document('<!--' + (32768 - len(document('<!---->').encode())) * 'x' + '-->'))
put('too_large', document('<!--' + (32769 - len(document('<!---->').encode())) * 'x' + '-->'), 'logo.size', True)
