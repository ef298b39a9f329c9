// A window column of Bit-Pragmatic for one filter (MICRO'17): LANES activations enter as streams of
// powers of two, lowest first, and meet LANES weights held in parallel.
//
// Two-stage shifting: the lowest term left in any lane is the base; a lane takes its lowest term if
// it lies less than 2^FIRST_STAGE_BITS positions above, shifts its weight by that much, and the sum
// of all lanes is shifted by the base. A brick lasts until no term is left, and at least one cycle.
module bit_pragmatic_column #(
    parameter LANES = 16,
    parameter LEVELS = 4,  // log2 of LANES
    parameter FIRST_STAGE_BITS = 2,
    parameter SUM_BITS = 24
) (
    input  wire clk,
    input  wire reset,
    input  wire take,  // the next brick enters at the end of this cycle
    input  wire [LANES*9-1:0] activations,  // of the next brick, signed
    input  wire working,  // a brick is in the column
    input  wire [LANES*8-1:0] weights,  // of the brick in the column, signed
    input  wire first,  // it is the first of its window
    output wire ended,  // this cycle is its last
    output reg  signed [SUM_BITS-1:0] sum
);
    localparam REACH = 1 << FIRST_STAGE_BITS;
    localparam PRODUCT_BITS = 8 + REACH;  // a weight shifted by REACH - 1, and room to negate -128

    // Terms not yet taken, of each lane; the sign stays apart.
    reg  [LANES*8-1:0] left;
    reg  [LANES-1:0] negative;
    wire [LANES*8-1:0] after, magnitudes;
    wire [LANES-1:0] signs;
    always @(posedge clk) begin
        left <= reset ? 0 : take ? magnitudes : working ? after : left;
        if (take) negative <= signs;
    end
    assign ended = working && after == 0;

    reg [7:0] any;
    integer l;
    always @* begin
        any = 0;
        for (l = 0; l < LANES; l = l + 1) any = any | left[l*8+:8];
    end
    wire [7:0] base = any & -any;  // one position, or none
    wire [2:0] base_shift = {
        |(base & 8'b11110000), |(base & 8'b11001100), |(base & 8'b10101010)
    };

    wire [LANES*PRODUCT_BITS-1:0] products;
    genvar i, d;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : lane
            wire [7:0] mine = left[i*8+:8];
            wire [7:0] lowest = mine & -mine;
            wire signed [7:0] weight = weights[i*8+:8];
            wire [REACH-1:0] distance;
            wire signed [PRODUCT_BITS-1:0] shifted[0:REACH];
            assign shifted[0] = 0;
            for (d = 0; d < REACH; d = d + 1) begin : position
                wire [7:0] here = base << d;
                wire signed [PRODUCT_BITS-1:0] moved = weight <<< d;
                assign distance[d] = |(lowest & here);
                assign shifted[d+1] = shifted[d] | (distance[d] ? moved : 0);
            end
            assign products[i*PRODUCT_BITS+:PRODUCT_BITS] = negative[i] ? -shifted[REACH] : shifted[REACH];
            assign after[i*8+:8] = |distance ? mine ^ lowest : mine;

            wire signed [8:0] next = activations[i*9+:9];
            assign signs[i] = next < 0;
            assign magnitudes[i*8+:8] = next < 0 ? -next : next;
        end
    endgenerate

    wire signed [PRODUCT_BITS+LEVELS-1:0] lanes_sum;
    sum_tree #(LANES, PRODUCT_BITS, LEVELS) tree (
        products,
        lanes_sum
    );
    wire signed [SUM_BITS-1:0] wide = lanes_sum;
    // A window's first cycle starts from zero; its later cycles, and bricks, add up.
    reg begun;
    always @(posedge clk) begin
        if (take || reset) begun <= 0;
        else if (working) begun <= 1;
        if (working) sum <= (first && !begun ? 0 : sum) + (wide <<< base_shift);
    end
endmodule
