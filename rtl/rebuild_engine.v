// A rebuild engine (paper V-B): a register file for one basis, and a shift-and-add unit that makes a
// row of weights from a row of power-of-two codes.
//
// `load` takes a row. Each cycle after it adds one basis row: the one of the lowest code that is not
// zero yet done. A row without codes, and a row of raw 8-bit weights, take one cycle. The row stays in
// `weights` until the next `load`.
//
// A code is 0 or sign * level. Its basis row is shifted by level - 1 - offset places, at most
// LARGEST_SHIFT: to the left, or to the right with rounding. Sums are as wide as a weight.
//
// With PIPELINE a register stands between the shift and the sum: the clock may be faster, and every row
// takes one cycle more. Weights are the same.
module rebuild_engine #(
    parameter ROWS = 3,           // r: basis rows, codes in a row
    parameter COLUMNS = 3,        // n: weights of a row
    parameter WEIGHT = 17,        // bits of a rebuilt weight, signed
    parameter LARGEST_SHIFT = 7,
    parameter NEAREST = 1,        // rounding of what is shifted to the right: nearest, ties up; or down
    parameter CLIP = 1,           // a sum beyond WEIGHT bits: its largest value; or what is left of it
    parameter PIPELINE = 0        // a register behind the shift
) (
    input  wire                         clk,
    input  wire                         reset,
    input  wire                         load,
    input  wire                         load_basis,  // with `load`
    input  wire [ROWS*COLUMNS*8-1:0]    basis,       // row by row, the first entry lowest
    input  wire signed [9:0]            offset,      // of the slice of rows that has this basis
    input  wire                         raw,
    input  wire [COLUMNS*8-1:0]         raw_weights,
    input  wire [ROWS*8-1:0]            codes,       // int8 each
    input  wire [7:0]                   need,        // codes of the slowest of the engines in step
    output wire                         ready,       // the row is there when this cycle ends
    output wire [COLUMNS*WEIGHT-1:0]    weights,
    output wire [COLUMNS*WEIGHT-1:0]    made         // `weights` as they are when this cycle ends
);
    localparam WIDE = (WEIGHT > 9 + LARGEST_SHIFT ? WEIGHT : 9 + LARGEST_SHIFT) + 1;
    localparam COUNT = PIPELINE != 0 ? 9 : 8;

    reg [ROWS*COLUMNS*8-1:0] entries;
    reg signed [9:0]         place;
    reg [ROWS*8-1:0]         row;
    reg [ROWS-1:0]           waiting;  // codes that are still to be added
    reg [COUNT-1:0]          cycles;   // left of what `need` asks for

    // The lowest waiting code, and its basis row.
    wire [ROWS-1:0] chosen = waiting & (~waiting + {{(ROWS - 1){1'b0}}, 1'b1});
    reg [7:0]           code;
    reg [COLUMNS*8-1:0] line;
    integer r;
    always @* begin
        code = 8'd0;
        line = {(COLUMNS * 8){1'b0}};
        for (r = 0; r < ROWS; r = r + 1)
            if (chosen[r]) begin
                code = code | row[8*r +: 8];
                line = line | entries[8*COLUMNS*r +: 8*COLUMNS];
            end
    end

    wire               negative = code[7];
    wire [7:0]         level = negative ? ~code + 8'd1 : code;
    wire signed [10:0] wanted = $signed({3'd0, level}) - 11'sd1 - place;
    wire               right = wanted < 0;
    wire [10:0]        distance = right ? -wanted : wanted;
    // Nine places to the right leave nothing but the sign.
    wire [3:0]         places = right ? (distance > 9 ? 4'd9 : distance[3:0])
        : (distance > LARGEST_SHIFT ? LARGEST_SHIFT : distance[3:0]);
    wire [8:0]         half = (NEAREST != 0 && places != 0) ? 9'd1 << (places - 4'd1) : 9'd0;

    wire more = |(waiting & ~chosen);
    wire none = waiting == 0;
    assign ready = (PIPELINE != 0 ? none : !more) && cycles <= 1;
    wire [COUNT-1:0] lasting = PIPELINE != 0 ? (need != 8'd0 ? need : 8'd1) + 1'b1 : need;

    // What is added in this cycle: the code that is chosen, or with PIPELINE the one before it.
    reg  shifted, shifted_negative;
    always @(posedge clk) begin
        shifted <= !reset && !load && !none;
        shifted_negative <= negative;
    end
    wire adds = PIPELINE != 0 ? shifted : !none;
    wire subtracts = PIPELINE != 0 ? shifted_negative : negative;

    genvar n;
    generate
        for (n = 0; n < COLUMNS; n = n + 1) begin : column
            reg  signed [WEIGHT-1:0] sum;
            wire signed [7:0]      entry = line[8*n +: 8];
            wire signed [10:0]     raised = entry + $signed({2'b00, half});
            wire signed [10:0]     down = raised >>> places;
            wire signed [WIDE-1:0] up = {{(WIDE - 8){entry[7]}}, entry} << places;
            wire signed [WIDE-1:0] term = right ? {{(WIDE - 11){down[10]}}, down} : up;
            reg  signed [WIDE-1:0] kept_term;
            always @(posedge clk) kept_term <= term;
            wire signed [WIDE-1:0] added = PIPELINE != 0 ? kept_term : term;
            wire signed [WIDE-1:0] before = {{(WIDE - WEIGHT){sum[WEIGHT-1]}}, sum};
            wire signed [WIDE-1:0] after = subtracts ? before - added : before + added;
            wire over = after[WIDE-1:WEIGHT-1] != {(WIDE - WEIGHT + 1){after[WIDE-1]}};
            wire signed [WEIGHT-1:0] cut = (CLIP != 0 && over)
                ? {after[WIDE-1], {(WEIGHT - 1){~after[WIDE-1]}}} : after[WEIGHT-1:0];
            assign weights[WEIGHT*n +: WEIGHT] = sum;
            assign made[WEIGHT*n +: WEIGHT] = adds ? cut : sum;
            always @(posedge clk)
                if (load) sum <= raw ? {{(WEIGHT - 8){raw_weights[8*n + 7]}}, raw_weights[8*n +: 8]}
                    : {WEIGHT{1'b0}};
                else if (adds) sum <= cut;
        end
        for (n = 0; n < ROWS; n = n + 1) begin : pending
            always @(posedge clk)
                if (reset) waiting[n] <= 1'b0;
                else if (load) waiting[n] <= !raw && codes[8*n +: 8] != 8'd0;
                else if (chosen[n]) waiting[n] <= 1'b0;
        end
    endgenerate

    always @(posedge clk) begin
        if (reset) cycles <= 0;
        else if (load) cycles <= lasting;
        else if (cycles != 0) cycles <= cycles - 1'b1;
        if (load) begin
            row <= codes;
            if (load_basis) begin
                entries <= basis;
                place <= offset;
            end
        end
    end
endmodule
