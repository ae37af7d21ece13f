// The models of the Bone paper at their real sizes, with its settings: what each method trains and what training costs,
// without building a model.
//     dotnet run -c Release --project examples/Plans
using System.Globalization;
using Marrow;
using Marrow.Examples;
using Marrow.Examples.Plans;

if (!Usage.IsPlain(args, "Usage: Plans. It prints what the methods train and cost on the papers' models."))
{
    return;
}

(string Model, ModelPlan Plan)[] plans =
[
    ("LLaMA2-7B, full fine-tuning", Llama2Full.Plan),
    ("LLaMA2-7B, LoRA and its kin, rank 36", Llama2Lora.Plan),
    ("LLaMA2-7B, PiSSA, rank 36", Llama2Pissa.Plan),
    ("LLaMA2-7B, DoRA, rank 36", Llama2Dora.Plan),
    ("LLaMA2-7B, Bone row, block 64", Llama2BoneRow.Plan),
    ("LLaMA2-7B, Bone column, block 64", Llama2BoneColumn.Plan),
    ("LLaMA2-7B, Bone free, block 64", Llama2BoneFree.Plan),
    ("LLaMA2-7B, Bone free, block 64, 4-bit base", Llama2QuantizedBoneFree.Plan),
    ("RWKV6-3B, LoRA, rank 36", Rwkv6Lora3B.Plan),
    ("RWKV6-3B, Bone free, block 64", Rwkv6BoneFree3B.Plan),
    ("RWKV6-7B, Bone free, block 64", Rwkv6BoneFree7B.Plan),
];

Console.WriteLine(Llama2BoneFree.Plan);
Console.WriteLine(Rwkv6BoneFree3B.Plan);
Console.WriteLine($"{"",-44}{"trainable",16}{"total",18}{"training, GiB",16}");
foreach (var (model, plan) in plans)
{
    var training = plan.TrainingBytes() / Math.Pow(2, 30);
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{model,-44}{plan.TrainableParameters,16:N0}{plan.TotalParameters,18:N0}{training,16:N1}"));
}

Console.WriteLine(
    "Training: weights in bfloat16, packed ones in their bits; adapters, their gradients and AdamW's state in float32; "
    + "activations aside.");
