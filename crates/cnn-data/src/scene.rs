//! A grey picture that the program draws itself: stairs up to a portal, with rails, columns, bricks, a lamp and a tree.
//!
//! It stands where the course's convolution lab has scipy's photograph `ascent`: edges in all directions, curves, texture and
//! soft shading, 512×512 pixels. Nobody's photograph, so nobody's licence. It is computed from sums, products, quotients and
//! square roots alone, which IEEE 754 rounds alike everywhere: the same bytes on every machine.

use ndarray::Array2;

/// Pixels per side.
pub const SIDE: usize = 512;

/// Points per pixel and axis, whose mean is the pixel.
const SAMPLES: usize = 2;

/// The picture, 512×512 bytes, row by row from the top; 0 is black.
///
/// ```
/// let picture = cnn_data::scene::stairs();
/// assert_eq!(picture.dim(), (512, 512));
/// assert_eq!(picture, cnn_data::scene::stairs());
/// ```
pub fn stairs() -> Array2<u8> {
    Array2::from_shape_fn((SIDE, SIDE), |(row, column)| {
        let mut sum = 0.0;
        for i in 0..SAMPLES {
            for j in 0..SAMPLES {
                let place =
                    |at: usize, part: usize| at as f64 + (part as f64 + 0.5) / SAMPLES as f64;
                sum += light(place(column, j), place(row, i));
            }
        }
        let grain = 3.0 * (lattice(column as i64, row as i64, 9) - 0.5);
        (sum / (SAMPLES * SAMPLES) as f64 + grain).round().clamp(0.0, 255.0) as u8
    })
}

/// Brightness, 0 to 255, at a point: x to the right, y down. The nearest thing that covers the point is seen.
fn light(x: f64, y: f64) -> f64 {
    let nearest = [rail, lamp, stair, tree, wall, portal, lawn];
    nearest.iter().find_map(|thing| thing(x, y)).unwrap_or_else(|| sky(x, y))
}

/// Clouds on a sky that is brighter near the horizon.
fn sky(x: f64, y: f64) -> f64 {
    let cloud = 0.6 * noise(x / 90.0, y / 45.0, 1) + 0.4 * noise(x / 33.0, y / 19.0, 2);
    150.0 + 0.16 * y + 70.0 * ramp(cloud, 0.42, 0.75)
}

/// Grass beside the stairs.
fn lawn(x: f64, y: f64) -> Option<f64> {
    (y > 300.0).then(|| {
        let blades = noise(x / 2.5, y / 7.0, 3) - 0.5;
        let patches = noise(x / 40.0, y / 20.0, 4) - 0.5;
        82.0 + 0.06 * (y - 300.0) + 34.0 * blades + 26.0 * patches
    })
}

/// Where the stairs begin and end, and how far from their middle they reach there.
const TOP: f64 = 268.0;
const MIDDLE: f64 = 262.0;

fn half_width(y: f64) -> f64 {
    78.0 + (y - TOP) * 0.56
}

/// Treads in the light and risers in the shade, larger the nearer they are, between two slanted stringers.
fn stair(x: f64, y: f64) -> Option<f64> {
    if y < TOP {
        return None;
    }
    let (across, half) = ((x - MIDDLE).abs(), half_width(y));
    if across > half + 13.0 {
        return None;
    }
    if across > half {
        // The stringer: a bright edge and a shaded side.
        let depth = (across - half) / 13.0;
        return Some(if depth < 0.3 { 226.0 } else { 128.0 - 34.0 * depth });
    }
    // Steps grow as the square of the distance from the top: step k begins where t = k.
    let t = 1.34 * ((y - TOP) / 3.4 + 1.0).sqrt() - 1.34;
    let (step, part) = (t.floor(), t - t.floor());
    let worn = 9.0 * (noise(x / 6.0, y / 3.0, 5) - 0.5);
    let shade = 30.0 * ramp(MIDDLE + 0.4 * (y - TOP) - x, -20.0, 60.0);
    let joint = ((x - MIDDLE) / half * 3.0 + step * 0.5).rem_euclid(1.0) < 0.02;
    let stone = if part < 0.52 { 214.0 - 22.0 * part } else { 104.0 - 38.0 * (part - 0.52) };
    Some(stone + worn - shade - if joint { 40.0 } else { 0.0 })
}

/// Two hand rails along the stringers, on posts.
fn rail(x: f64, y: f64) -> Option<f64> {
    let right = x > MIDDLE;
    let across = (x - MIDDLE).abs();
    // The rail is the line of the stringer's outer edge, raised by a height that grows towards us.
    let foot = TOP + (across - 78.0 - 8.0) / 0.56;
    let height = 34.0 + 0.26 * (foot - TOP);
    let thick = 2.6 + 0.010 * (foot - TOP);
    let below = y - (foot - height);
    if !(TOP - 6.0..640.0).contains(&foot) {
        return None;
    }
    if below.abs() < thick {
        // A round bar: bright on top.
        let lit = if right { 70.0 } else { 46.0 };
        return Some(lit + 120.0 * ramp(-below / thick, -0.4, 1.0));
    }
    let middle_bar = (below - 0.45 * height).abs() < 0.5 * thick;
    if middle_bar {
        return Some(58.0);
    }
    // Posts stand at equal distances on the ground, so they come closer together up there.
    let count = 2.2 * ((foot - TOP) / 12.0 + 1.0).sqrt();
    let from_post = (count - count.round()).abs() * 12.0 * 2.0 * count / (2.2 * 2.2);
    let wide = 0.30 * thick;
    (from_post < wide && below > 0.0 && y < foot).then_some(if right { 84.0 } else { 50.0 })
}

/// A temple front: a pediment on four columns, a dark door with a round arch, a round window above.
fn portal(x: f64, y: f64) -> Option<f64> {
    let across = (x - MIDDLE).abs();
    let stone = 5.0 * (noise(x / 5.0, y / 5.0, 6) - 0.5);
    // The pediment: a triangle with a moulding and a round window.
    let slope = 58.0 + 0.42 * across;
    if y >= slope && y < 126.0 && across < 162.0 {
        let (dx, dy) = (x - MIDDLE, y - 98.0);
        let round = (dx * dx + dy * dy).sqrt();
        if round < 17.0 {
            return Some(if round > 13.0 { 232.0 } else { 40.0 + 2.6 * dy });
        }
        let inside = y - slope > 11.0 && y < 117.0;
        let dentil = y > 119.0 && (x / 6.0).rem_euclid(1.0) < 0.5;
        let base = if dentil {
            120.0
        } else if inside {
            176.0
        } else {
            220.0
        };
        return Some(base + stone - 16.0 * ramp(x - MIDDLE, -100.0, 150.0));
    }
    if !(126.0..TOP + 34.0).contains(&y) || across > 154.0 {
        return None;
    }
    if y < 142.0 {
        return Some(if y < 130.0 { 236.0 } else { 168.0 } + stone);
    }
    column(x, y).or_else(|| door(x, y)).or_else(|| {
        // The wall behind the columns lies in the shade of the pediment.
        Some(146.0 - 46.0 * ramp(160.0 + 0.15 * across - y, -18.0, 14.0) + stone)
    })
}

/// Four columns, round and therefore darker towards their right; fluted.
fn column(x: f64, y: f64) -> Option<f64> {
    for center in [-128.0, -62.0, 62.0, 128.0] {
        let from = x - MIDDLE - center;
        let capital = !(152.0..TOP - 6.0).contains(&y);
        let radius = if capital { 15.0 } else { 11.5 };
        if from.abs() < radius {
            let u = from / radius;
            let round = (1.0 - u * u).sqrt();
            let flute =
                if capital { 0.0 } else { 10.0 * ((from / 3.3).rem_euclid(1.0) - 0.5).abs() };
            return Some(92.0 + 118.0 * round - 52.0 * u + flute);
        }
        // Its shadow on the wall.
        if (radius..radius + 10.0).contains(&from) {
            return Some(92.0);
        }
    }
    None
}

/// The door: two dark wings under a half circle of bright stones.
fn door(x: f64, y: f64) -> Option<f64> {
    let dx = x - MIDDLE;
    let dy = y - 194.0;
    let round = if dy < 0.0 { (dx * dx + dy * dy).sqrt() } else { dx.abs() };
    if round > 40.0 {
        return None;
    }
    if round > 31.0 {
        let stones = if dy < 0.0 { dx / (dx.abs() + dy.abs() + 1.0) * 5.0 } else { dy / 14.0 };
        let gap = stones.rem_euclid(1.0) < 0.09;
        return Some(if gap { 132.0 } else { 222.0 });
    }
    if dx.abs() < 0.8 {
        return Some(12.0);
    }
    let panel = (dx.abs() / 31.0 * 2.0).rem_euclid(1.0) < 0.12 || (y / 33.0).rem_euclid(1.0) < 0.07;
    Some(if panel { 74.0 } else { 40.0 + 0.12 * (y - 150.0) })
}

/// A brick wall on the right that comes towards us.
fn wall(x: f64, y: f64) -> Option<f64> {
    const EDGE: f64 = 446.0;
    let near = x - EDGE;
    let top = 176.0 - 0.95 * near;
    let bottom = 330.0 + 1.5 * near;
    if near < 0.0 || y < top || y > bottom {
        return None;
    }
    if y < top + 7.0 + 0.06 * near {
        return Some(214.0);
    }
    // Rows of bricks run towards the vanishing point; their share of the height counts them.
    let row = (y - top) / (bottom - top) * 22.0;
    let distance = near / (1.0 + 0.004 * near) / 17.0 + 0.5 * row.floor().rem_euclid(2.0);
    let mortar = row.rem_euclid(1.0) < 0.16 || distance.rem_euclid(1.0) < 0.09;
    let brick = 26.0 * (lattice(distance.floor() as i64, row.floor() as i64, 7) - 0.5);
    Some(if mortar { 148.0 } else { 92.0 + brick + 8.0 * (noise(x / 2.0, y / 2.0, 8) - 0.5) })
}

/// A lamp on the left: a post with a ring and a globe that shines.
fn lamp(x: f64, y: f64) -> Option<f64> {
    const CENTER: f64 = 66.0;
    let (dx, dy) = (x - CENTER, y - 118.0);
    let round = (dx * dx + dy * dy).sqrt();
    if round < 26.0 {
        let (lx, ly) = (dx + 8.0, dy + 9.0);
        let lit = 1.0 - (lx * lx + ly * ly).sqrt() / 38.0;
        return Some(if round > 24.2 { 60.0 } else { 120.0 + 134.0 * lit });
    }
    let ring = (150.0..156.0).contains(&y) && dx.abs() < 11.0;
    let neck = (144.0..150.0).contains(&y) && dx.abs() < 16.0 - (y - 144.0);
    let foot = (392.0..404.0).contains(&y) && dx.abs() < 9.0 + 0.5 * (y - 392.0);
    let post = (150.0..404.0).contains(&y) && dx.abs() < 4.4;
    (ring || neck || foot || post).then(|| {
        let width = if post { 4.4 } else { 14.0 };
        38.0 + 60.0 * ramp(-dx / width, -0.2, 1.0)
    })
}

/// A tree behind the lamp: leaves where noise is high near the crown's middle, a trunk below.
fn tree(x: f64, y: f64) -> Option<f64> {
    let (dx, dy) = ((x - 28.0) / 74.0, (y - 206.0) / 84.0);
    let inside = 1.0 - (dx * dx + dy * dy).sqrt();
    let leaf = noise(x / 6.0, y / 5.0, 10);
    if inside + 0.55 * (leaf - 0.5) > 0.12 {
        let clump = noise(x / 17.0, y / 15.0, 11);
        return Some(44.0 + 58.0 * leaf * clump + 40.0 * ramp(-dx - dy, -0.6, 1.2));
    }
    let trunk = (x - 30.0 - 0.03 * (y - 250.0)).abs();
    (trunk < 9.0 + 0.0006 * (y - 250.0) * (y - 250.0) && (230.0..372.0).contains(&y))
        .then(|| 52.0 + 40.0 * noise(x / 2.4, y / 14.0, 12))
}

/// 0 up to `from`, 1 beyond `to`, smooth between.
fn ramp(v: f64, from: f64, to: f64) -> f64 {
    let t = ((v - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Smooth noise between 0 and 1: random numbers on the whole places, blended between them.
fn noise(x: f64, y: f64, salt: u64) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let (u, v) = (ramp(x - left, 0.0, 1.0), ramp(y - top, 0.0, 1.0));
    let at = |i: i64, j: i64| lattice(left as i64 + i, top as i64 + j, salt);
    let upper = at(0, 0) + (at(1, 0) - at(0, 0)) * u;
    let lower = at(0, 1) + (at(1, 1) - at(0, 1)) * u;
    upper + (lower - upper) * v
}

/// A number from 0 to 1 for a whole place. Source: the finaliser of `SplitMix64` (Steele, Lea, Flood 2014).
fn lattice(x: i64, y: i64, salt: u64) -> f64 {
    let mut z = (x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (y as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
        ^ salt.wrapping_mul(0x1656_67b1_9e37_79f9);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f64 / (1_u64 << 24) as f64
}
