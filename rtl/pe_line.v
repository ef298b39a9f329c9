// A line of processing elements (paper V-B, figure 4 b): MACS bit-serial multipliers that share a
// weight, a FIFO of inputs with two banks, and two rebuild engines.
//
// A *job* is one coefficient row against one segment of inputs. It passes two places: `staged`, where
// an engine rebuilds its row and the FIFO's back bank holds its inputs, and `running`, where the
// multipliers work on it. The job behind the running one is staged when the running one starts, so a
// rebuild hides under the job before. There are two ways to keep the weights of the running job:
//   - one row per job (convolutions): the engines take turns, and the running row stays in its engine;
//   - two clusters (linear layers): each engine makes a row for its own cluster, and both rows move
//     to the output registers when their job starts.
//
// Jobs carry the number of their tile. A line whose next job is of a later tile is `done` with this
// one, and starts that job when the slice opens its tile.
module pe_line #(
    parameter MACS = 8,
    parameter DEPTH = 24,    // inputs of a bank of the FIFO
    parameter ROWS = 3,      // as in rebuild_engine
    parameter COLUMNS = 3,
    parameter WEIGHT = 17,
    parameter LARGEST_SHIFT = 7,
    parameter NEAREST = 1,
    parameter CLIP = 1,
    parameter SUM = 40,
    parameter TILE = 16      // bits of a tile's number
) (
    input  wire clk,
    input  wire reset,
    // The kind of layer; these stand still while a layer runs.
    input  wire linear,      // two clusters, the weights of a row side by side
    input  wire every_other, // stride 2: multiplier m sees input 2 m of the front bank, else input m
    input  wire [1:0] move,  // after a weight the bank moves by 1, 2 or MACS inputs (0, 1, 2)
    // The next job.
    input  wire                      job_valid,
    output wire                      job_ready,
    input  wire                      job_none,     // none is left before the next tile opens
    input  wire [TILE-1:0]           job_tile,
    input  wire [7:0]                job_weights,  // of its row; 1 in a linear layer
    input  wire [7:0]                job_pixels,   // multipliers that have an output; others see 0
    input  wire                      job_raw,
    input  wire [7:0]                job_need,
    input  wire [2*ROWS*8-1:0]       job_codes,    // of both clusters, the first one lowest
    input  wire [2*COLUMNS*8-1:0]    job_raw_weights,
    input  wire                      job_load_basis,
    input  wire [2*ROWS*COLUMNS*8-1:0] job_basis,
    input  wire [19:0]               job_offset,
    input  wire [DEPTH*9-1:0]        job_inputs,
    // Tiles.
    input  wire [TILE-1:0]           tile,         // the one under way
    input  wire                      advance,      // the next one opens with the next cycle
    input  wire                      clear,        // the sums have been taken: start from 0
    output wire                      done,         // nothing is left of this tile after this cycle
    output wire [MACS*SUM-1:0]       sums,
    // For a testbench.
    output wire                      starts,       // a job runs from the next cycle on
    output wire                      ends          // this cycle is the last of a job
);
    localparam CLUSTER = MACS / 2;

    reg                 staged, running, turn;  // `turn`: the engine that has the running row
    reg [TILE-1:0]      staged_tile;
    reg [7:0]           staged_weights, staged_pixels, weights, pixels, place;
    reg [DEPTH*9-1:0]   back, front;
    reg                 fresh;                  // no sum has been added to since `clear`

    wire turn_after = starts ? !turn : turn;

    // Engines.
    wire [1:0] engine_ready;
    wire [2*COLUMNS*WEIGHT-1:0] rebuilt, made;
    wire [1:0] load = {2{job_valid && job_ready}} & (linear ? 2'b11 : turn_after ? 2'b01 : 2'b10);
    genvar e;
    generate
        for (e = 0; e < 2; e = e + 1) begin : engine
            // A lone row is that of the first cluster, whichever engine makes it.
            wire second = (e == 1) && linear;
            rebuild_engine #(
                .ROWS(ROWS), .COLUMNS(COLUMNS), .WEIGHT(WEIGHT), .LARGEST_SHIFT(LARGEST_SHIFT),
                .NEAREST(NEAREST), .CLIP(CLIP)
            ) re (
                .clk(clk), .reset(reset), .load(load[e]), .load_basis(job_load_basis),
                .basis(second ? job_basis[ROWS*COLUMNS*8 +: ROWS*COLUMNS*8]
                    : job_basis[0 +: ROWS*COLUMNS*8]),
                .offset(second ? job_offset[10 +: 10] : job_offset[0 +: 10]),
                .raw(job_raw),
                .raw_weights(second ? job_raw_weights[COLUMNS*8 +: COLUMNS*8]
                    : job_raw_weights[0 +: COLUMNS*8]),
                .codes(second ? job_codes[ROWS*8 +: ROWS*8] : job_codes[0 +: ROWS*8]),
                .need(job_need), .ready(engine_ready[e]),
                .weights(rebuilt[e*COLUMNS*WEIGHT +: COLUMNS*WEIGHT]),
                .made(made[e*COLUMNS*WEIGHT +: COLUMNS*WEIGHT])
            );
        end
    endgenerate

    // Control.
    wire [MACS-1:0] mac_last;
    wire step_ends = &mac_last;
    assign ends = running && step_ends && place == weights - 8'd1;
    wire free = !running || ends;
    wire row_ready = linear ? &engine_ready : engine_ready[!turn];
    wire [TILE-1:0] open = advance ? tile + 1'b1 : tile;
    assign starts = staged && row_ready && free && staged_tile == open;
    assign job_ready = !staged || starts;
    assign done = free && (staged ? staged_tile != tile
        : job_valid ? job_tile != tile : job_none);

    always @(posedge clk) begin
        if (reset) begin
            staged <= 1'b0;
            running <= 1'b0;
            turn <= 1'b0;
        end else begin
            staged <= job_ready ? job_valid : staged;
            running <= starts || (running && !ends);
            turn <= turn_after;
        end
        if (job_valid && job_ready) begin
            staged_tile <= job_tile;
            staged_weights <= job_weights;
            staged_pixels <= job_pixels;
            back <= job_inputs;
        end
        if (starts) begin
            front <= back;
            weights <= staged_weights;
            pixels <= staged_pixels;
            place <= 8'd0;
        end else if (running && step_ends) begin
            place <= place + 8'd1;
            case (move)
                2'd0: front <= front >> 9;
                2'd1: front <= front >> 18;
                default: front <= front >> (9 * MACS);
            endcase
        end
        if (reset || (clear && !running)) fresh <= 1'b1;
        else if (running) fresh <= 1'b0;
    end

    // Weights: the running row in its engine, or the output registers of both clusters.
    reg [2*COLUMNS*WEIGHT-1:0] kept;
    always @(posedge clk)
        if (starts && linear) kept <= made;
    wire [COLUMNS*WEIGHT-1:0] row = turn ? rebuilt[COLUMNS*WEIGHT +: COLUMNS*WEIGHT]
        : rebuilt[0 +: COLUMNS*WEIGHT];
    reg [WEIGHT-1:0] shared;
    integer c;
    always @* begin
        shared = {WEIGHT{1'b0}};
        for (c = 0; c < COLUMNS; c = c + 1)
            if (place == c) shared = shared | row[WEIGHT*c +: WEIGHT];
    end

    // Multipliers. In a linear layer the first three of a cluster take a triple of inputs.
    genvar m;
    generate
        for (m = 0; m < MACS; m = m + 1) begin : mac
            wire signed [8:0] in_row = every_other ? front[9*((2*m) % DEPTH) +: 9] : front[9*m +: 9];
            wire used = (m % CLUSTER) < 3;
            wire signed [8:0] in_triple = used ? front[9*(m % CLUSTER) +: 9] : 9'd0;
            wire [WEIGHT-1:0] own = kept[WEIGHT*(COLUMNS*(m / CLUSTER)
                + (m % CLUSTER) % COLUMNS) +: WEIGHT];
            booth_mac #(.WEIGHT(WEIGHT), .SUM(SUM)) unit (
                .clk(clk), .wipe(clear || reset), .enable(running), .first(fresh || clear), .next(step_ends),
                .activation(m < pixels ? (linear ? in_triple : in_row) : 9'd0), .weight(linear ? own : shared),
                .last(mac_last[m]), .sum(sums[SUM*m +: SUM])
            );
        end
    endgenerate
endmodule
