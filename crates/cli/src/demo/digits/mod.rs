//! Digits: a small convolutional network reads digits that the demo draws itself.

mod pictures;

use anyhow::Result;
use cotangent::{
    nn::layers::{Conv, Linear, MaxPool},
    optim,
    optim::losses::softmax_cross_entropy_with_integer_labels,
    prelude::*,
};

use super::notebook::Notebook;
use super::values::shown;
use super::{Demo, SCIENCE};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "digits",
    chapter: SCIENCE,
    summary: "a convolutional network reads digits that are moved and covered with noise",
    seconds: 6,
    source: include_str!("mod.rs"),
    run,
    functions,
};

/// Ten glyphs of seven rows and five columns.
const GLYPHS: [&str; 10] = [
    ".###. #...# #..## #.#.# ##..# #...# .###.",
    "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.",
    ".###. #...# ....# ...#. ..#.. .#... #####",
    ".###. #...# ....# ..##. ....# #...# .###.",
    "...#. ..##. .#.#. #..#. ##### ...#. ...#.",
    "##### #.... ####. ....# ....# #...# .###.",
    "..##. .#... #.... ####. #...# #...# .###.",
    "##### ....# ...#. ..#.. .#... .#... .#...",
    ".###. #...# #...# .###. #...# #...# .###.",
    ".###. #...# #...# .#### ....# ...#. .##..",
];

fn glyphs() -> Array {
    let pixels = GLYPHS.iter().flat_map(|glyph| glyph.chars().filter(|c| *c != ' '));
    let pixels: Vec<f32> = pixels.map(|c| if c == '#' { 1.0 } else { 0.0 }).collect();
    Array::from(pixels).reshape((10, 7, 5))
}

fn draw(glyphs: &Array, key: &Key) -> (Array, Array) {
    let [digit_key, row_key, column_key, noise_key] = key.clone().split();
    let digit = random::randint(digit_key, (), 0, 10);
    let (row, column) = (random::randint(row_key, (), 0, 6), random::randint(column_key, (), 0, 8));
    let paper = np::zeros((12, 12));
    let image = lax::dynamic_update_slice(paper, glyphs.at(&digit).get(), [&row, &column]);
    (image + 0.25 * random::normal(noise_key, (12, 12)), digit)
}

#[derive(Clone, Tree)]
struct Reader {
    conv: Conv,
    pool: MaxPool,
    hidden: Linear,
    output: Linear,
}

fn reader(key: Key) -> Reader {
    let [a, b, c] = key.split();
    Reader {
        conv: Conv::new(a, 1, 16, [5, 5]),
        pool: MaxPool::new([2, 2], [2, 2]),
        hidden: Linear::new(b, 6 * 6 * 16, 64),
        output: Linear::new(c, 64, 10),
    }
}

fn read(reader: &Reader, image: &Array) -> Array {
    let features = nn::relu(reader.conv.call(image.reshape((12, 12, 1))));
    let pooled = np::ravel(reader.pool.call(features));
    reader.output.call(nn::relu(reader.hidden.call(pooled)))
}

fn loss(reader: &Reader, images: &Array, digits: &Array) -> Array {
    let scores = vmap(read).in_axes((None, 0))(reader, images);
    softmax_cross_entropy_with_integer_labels(scores, digits).mean()
}

fn train(start: Reader, glyphs: &Array, key: &Key) -> (Reader, Array) {
    let optimizer = optim::adam(0.005);
    let state = optimizer.init(&start);
    let step = |(reader, state): (Reader, _), key: Key| {
        let (images, digits) = vmap(draw).in_axes((None, 0))(glyphs, &random::split(key, 64));
        let (loss, slope) = value_and_grad(loss)(&reader, &images, &digits);
        (optimizer.apply(&reader, &slope, &state), loss)
    };
    let ((last, _), losses) = lax::scan(step, (start, state), &random::split(key.clone(), 400));
    (last, losses)
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Most demos of image networks begin with a download. This one draws its own data: ten glyphs, put somewhere on \
         a small sheet and covered with noise. As drawing is a function of a key, there is a new sheet for every step \
         of the training, and none is ever seen twice.",
    )?;

    nb.heading("Draw a digit")?;
    nb.text(
        "Four keys, for four decisions: which digit, which row, which column, and the noise. `dynamic_update_slice` \
         puts the glyph at a place that is known only when the program runs. The function draws one digit, and `vmap` \
         draws as many as there are keys.",
    )?;
    nb.cell(&["GLYPHS", "glyphs", "draw"])?;
    let glyphs = glyphs();
    let [reader_key, train_key, test_key] = random::key(10).split();
    let (images, digits) = vmap(draw).in_axes((None, 0))(&glyphs, &random::split(test_key, 1000));

    nb.value("images_shape", "shape", images.shape().to_vec())?;
    nb.value("digits", "digits[..10]", shown(&digits.at(..10).get()))?;
    nb.value("pixels", "some pixels of the first", shown(&images.at((0, 5, ..4)).get()))?;

    nb.heading("A network for images")?;
    nb.text(
        "A convolution looks at every patch of five by five pixels in the same way, so it need not learn each place \
         anew. The greatest of each two by two results is kept, and two linear layers decide. The network reads one \
         image; the loss maps it over many.",
    )?;
    nb.cell(&["Reader", "reader", "read", "loss"])?;
    let start = reader(reader_key);
    let before = loss(&start, &images, &digits);
    let count: usize = tree::leaves(&start).iter().map(Array::size).sum();

    nb.value("count", "parameters", count)?;
    nb.value("loss_before", "loss before training (log 10 is 2.303)", shown(&before))?;

    nb.heading("Training")?;
    nb.text(
        "Each of the 400 steps draws 64 digits, computes the slope and applies Adam. All of that, the drawing \
         included, is one program: no image ever leaves the device.",
    )?;
    nb.cell(&["train"])?;
    let (trained, losses) = jit(train)(start, &glyphs, &train_key);

    nb.value("losses", "losses at 0, 20, 50", shown(&losses.at(np::array([0, 20, 50])).get()))?;

    nb.heading("Reading")?;
    nb.text("A thousand digits that were drawn from other keys:")?;
    nb.cell(&[])?;
    let scores = jit(vmap(read).in_axes((None, 0)))(&trained, &images);
    let answers = scores.argmax_axis(1);
    let right = answers.equal(&digits).sum();
    let after = loss(&trained, &images, &digits);

    nb.value("loss_after", "loss", shown(&after))?;
    nb.value("mostly_right", "more than 900 read correctly", right.item::<i32>() > 900)?;
    nb.cell(&[])?;
    let confused = nn::one_hot(&digits, 10).t().dot(nn::one_hot(&answers, 10));
    let off_diagonal = &confused * (1.0 - np::identity(10));
    let place = np::unravel_index(np::argmax(&off_diagonal), (10, 10));

    nb.value("confused_shape", "shape of the table of answers", confused.shape().to_vec())?;
    nb.value("all_counted", "digits in it", shown(&confused.sum()))?;
    if nb.wants_pictures() {
        nb.picture("digits", pictures::digits(&images, &digits, &answers))?;
        nb.picture("training", pictures::training(&losses, &confused))?;
        let [digit, answer] = [&place[0], &place[1]].map(|i| i.item::<i32>());
        nb.text(&format!("The most frequent mistake: {digit} is read as {answer}."))?;
    }
    nb.text(
        "Most mistakes are between digits that differ by a few pixels. More steps, or a second convolution, leave \
         fewer of them.",
    )?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let args = (reader(random::key(0)), np::zeros((64, 12, 12)), np::zeros_as(64, DType::I32));
    vec![Function::new("reader", "the loss of a network that reads digits", loss, grad(loss), args)]
}
